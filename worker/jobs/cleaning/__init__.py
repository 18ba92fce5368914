"""What may go: jobs that people delete, checkpoints that no rule keeps, and files that no row refers to."""
