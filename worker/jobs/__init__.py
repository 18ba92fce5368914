"""The job store: rows and files of jobs, and how Celery hears of them. Never imports torch."""
