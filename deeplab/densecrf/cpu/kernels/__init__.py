"""What numba compiles. These modules import each other and nothing else of deeplab (see `compiled`)."""
