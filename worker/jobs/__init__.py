"""The job store: what is known of jobs, in SQL and in files, and how Celery hears of them. Never imports torch."""
