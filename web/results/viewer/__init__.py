"""One image under what jobs say of it: its files, layers, tiles and classes."""
