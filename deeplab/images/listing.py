"""Find the image files under a folder. Torch-free."""

import os
from collections.abc import Iterator
from pathlib import Path

from deeplab.errors import DatasetError
from deeplab.files import printable

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})


def list_images(root: Path, *, exclude: Path | None = None) -> list[str]:
    """Find the image files under a folder by their suffixes, links to folders included.

    Hidden files and folders (`.name`) are left out, as are links that lead back to a folder above them.

    Args:
        root: where to look, at any depth.
        exclude: a folder to leave out, such as the one that the masks of these images go to.

    Returns:
        Paths relative to `root` with `/` between the parts, sorted. Bytes that are not UTF-8 are surrogate escapes, as
        everywhere in Python.

    Raises:
        DatasetError: if `root` is not a folder, cannot be listed, or holds no image.
    """
    if not root.is_dir():
        reason = "is not a folder" if root.exists() else "the folder does not exist"
        raise DatasetError(f"{printable(root)}: {reason}; expected a folder of images.")
    paths = sorted(_walk(root, visited=frozenset({_identity(exclude)})))
    if not paths:
        suffixes = " ".join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))
        raise DatasetError(f"{printable(root)}: the folder holds no image; expected files ending in {suffixes}.")
    return paths


def _walk(folder: Path, visited: frozenset[tuple[int, int] | None]) -> Iterator[str]:
    """Yield the image files under a folder, without entering a visited folder again."""
    visited |= {_identity(folder)}
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        raise DatasetError(f"{printable(folder)}: the folder cannot be listed: {error.strerror}.") from error
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if _identity(path) not in visited:
                yield from (f"{entry.name}/{inner}" for inner in _walk(path, visited))
        elif path.suffix.lower() in IMAGE_SUFFIXES and (entry.is_file() or entry.is_symlink()):
            yield entry.name


def _identity(folder: Path | None) -> tuple[int, int] | None:
    if folder is None or not folder.exists():
        return None
    status = folder.stat()
    return status.st_dev, status.st_ino
