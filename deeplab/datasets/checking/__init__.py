"""Look for what is wrong with a dataset before a training finds out. Torch-free."""
