"""Weights from other frameworks. Importing the package itself does not import PyTorch."""
