"""`deeplab checkpoint`: what is saved, its names, and its files."""
