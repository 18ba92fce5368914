"""Find the image files under a folder. Torch-free."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.images.kinds import IMAGE_SUFFIXES, count_kinds, describe_passed_over


@dataclass(frozen=True)
class ImageListing:
    """The files under a folder."""

    paths: list[str]  # images, relative to the folder, `/` between the parts, sorted
    others: list[str]  # files of other kinds, likewise

    @property
    def passed_over(self) -> dict[str, int]:
        """The number of other files by kind, such as "heic" or "no suffix"; the most frequent first."""
        return count_kinds(self.others)


def list_images(root: Path, *, exclude: Path | None = None) -> list[str]:
    """Find the images under a folder: the paths of `scan_folder`. Raises DatasetError like it."""
    return scan_folder(root, exclude=exclude).paths


def scan_folder(
    root: Path, *, exclude: Path | None = None, video_suffixes: frozenset[str] = frozenset()
) -> ImageListing:
    """Find the image files under a folder by their suffixes, links to folders included, and count the other files.

    Hidden files and folders (`.name`) are left out, as are links that lead back to a folder above them.

    Args:
        root: where to look, at any depth.
        exclude: a folder to leave out, such as the one that the masks of these images go to.
        video_suffixes: those of videos, if they are wanted beside the images.

    Returns:
        The images, and what was passed over. Bytes of names that are not UTF-8 are surrogate escapes, as everywhere in
        Python.

    Raises:
        DatasetError: if `root` is not a folder, cannot be listed, or holds no image.
    """
    wanted, noun = IMAGE_SUFFIXES | video_suffixes, "image or video" if video_suffixes else "image"
    if not root.is_dir():
        reason = "is not a folder" if root.exists() else "the folder does not exist"
        raise DatasetError(f"{printable(root)}: {reason}; expected a folder of images.")
    paths: list[str] = []
    others: list[str] = []
    for path in _walk(root, wanted, visited=frozenset({_identity(exclude)})):
        (paths if PurePath(path).suffix.lower() in wanted else others).append(path)
    if not paths:
        suffixes = " ".join(sorted(suffix[1:] for suffix in wanted))
        found = f"; {described}" if (described := describe_passed_over(count_kinds(others))) else ""
        raise DatasetError(
            f"{printable(root)}: the folder holds no {noun}; expected files ending in {suffixes}{found}."
        )
    return ImageListing(sorted(paths), sorted(others))


def _walk(folder: Path, wanted: frozenset[str], visited: frozenset[tuple[int, int] | None]) -> Iterator[str]:
    """Yield the files under a folder, without entering a visited folder again."""
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
                yield from (f"{entry.name}/{inner}" for inner in _walk(path, wanted, visited))
        elif entry.is_file() or (entry.is_symlink() and path.suffix.lower() in wanted):
            yield entry.name


def _identity(folder: Path | None) -> tuple[int, int] | None:
    if folder is None or not folder.exists():
        return None
    status = folder.stat()
    return status.st_dev, status.st_ino
