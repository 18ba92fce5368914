"""What is looked at before a job is queued, so that a mistake is told before a worker waits for it."""
