"""Datasets out of the exports of other tools: a module for each format, and one that writes. Torch-free."""
