"""How Celery hears of jobs: the broker's address, the Celery application, and the one message."""
