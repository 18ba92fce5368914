"""Images as files and as arrays: list, decode, resize, colour and blend. Torch-free."""
