"""A dataset that needs no download, because it is drawn. Torch-free."""
