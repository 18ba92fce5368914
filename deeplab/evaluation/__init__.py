"""A model looks at a split, and is scored."""
