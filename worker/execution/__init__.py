"""What runs jobs: the Celery worker, its supervisors, and the child process of each attempt."""
