"""Frames out of video files and cameras, and into video files. Torch-free; PyAV is imported when it is needed."""
