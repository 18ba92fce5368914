"""The platform: jobs in SQL, Celery workers that run the core, and the command line."""
