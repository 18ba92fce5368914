"""Segmentation with a trained model: of one image, of a folder, and of videos and cameras."""
