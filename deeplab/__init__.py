"""DeepLab for semantic segmentation as a library: train, evaluate, refine and segment, without the platform."""
