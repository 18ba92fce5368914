"""The dashboard and the JSON API over worker.jobs. Never imports torch."""
