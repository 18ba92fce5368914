"""The kinds of video files that are read, by their suffixes. Torch-free, and needs no PyAV."""

from pathlib import PurePath

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".3gp"}
    | {".ogv"}
)


def is_video(name: str) -> bool:
    """Whether a file is a video by its name."""
    return PurePath(name).suffix.lower() in VIDEO_SUFFIXES
