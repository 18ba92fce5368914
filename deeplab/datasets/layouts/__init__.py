"""How data sets lie on disk: a module for each layout that DATASET.NAME can name. Torch-free."""
