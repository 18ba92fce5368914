"""Forms: the fields of a new job, what they offer to choose from, and errors beside fields."""
