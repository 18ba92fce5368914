"""Moving pictures: frames out of files and cameras, and into files. Torch-free; PyAV is imported when it is needed."""
