"""How the process of an attempt is started: forked from one that has PyTorch loaded, or as a fresh interpreter."""
