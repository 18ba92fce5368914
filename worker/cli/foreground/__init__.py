"""The verbs for this machine's own work: the core in the foreground, with the original's options."""
