"""Datasets: images with masks, as they lie on disk and as a model trains on them.

Torch-free but for loading, preview, stream and transforms.
"""
