"""How Celery hears of jobs: where the broker is, the application that talks to it, and the one message."""
