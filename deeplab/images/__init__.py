"""Images as files and as arrays: decode, list, resize, colour and blend. Torch-free."""
