"""How datasets lie on disk: the layouts that DATASET.NAME can name. Torch-free."""
