"""Commands that run the core in the foreground, with the original's options."""
