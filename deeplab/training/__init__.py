"""Training by the DeepLab v2 protocol; `train.train` is the way in."""
