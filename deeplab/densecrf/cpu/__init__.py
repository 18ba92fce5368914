"""The engine for CPUs: kernels that numba compiles, and the plain Python that calls them."""
