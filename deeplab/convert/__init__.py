"""Weights from other frameworks. Importing this package alone does not import PyTorch."""
