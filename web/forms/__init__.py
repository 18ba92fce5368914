"""The form of a new job: its fields, and what they offer to choose from."""
