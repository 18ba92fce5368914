"""Find the image files under a folder. Torch-free."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
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
    root: Path,
    *,
    exclude: Path | None = None,
    video_suffixes: frozenset[str] = frozenset(),
    most: int | None = None,
) -> ImageListing:
    """Find the image files under a folder by their suffixes, links to folders included, and count the other files.

    Hidden files and folders (`.name`) are left out, as are links that lead back to a folder above them.

    Args:
        root: where to look, at any depth.
        exclude: a folder to leave out, such as the one that the masks of these images go to.
        video_suffixes: those of videos, if they are wanted beside the images.
        most: how many files there may be; None: any number.

    Returns:
        The images, and what was passed over. Bytes of names that are not UTF-8 are surrogate escapes, as everywhere in
        Python.

    Raises:
        DatasetError: if `root` is not a folder, cannot be listed, holds no image, or holds too many files.
    """
    wanted = IMAGE_SUFFIXES | video_suffixes
    paths: list[str] = []
    others: list[str] = []
    for n_before, path in enumerate(_walk(root, wanted, exclude)):
        if n_before == most:
            raise DatasetError(f"{printable(root)}: the folder holds more than {most:,} files.")
        (paths if _is_wanted(path, wanted) else others).append(path)
    if not paths:
        raise _nothing_found(root, video_suffixes, others)
    return ImageListing(sorted(paths), sorted(others))


def require_images(root: Path, *, video_suffixes: frozenset[str] = frozenset(), most: int) -> None:
    """Refuse a folder without images, as far as a look at its first files tells.

    Args:
        root: where to look, as `scan_folder` does.
        video_suffixes: those of videos, which then count, too.
        most: how many files are looked at; if there are more, and none of these is an image, the folder passes.

    Raises:
        DatasetError: as `scan_folder`.
    """
    wanted = IMAGE_SUFFIXES | video_suffixes
    others: list[str] = []
    for path in islice(_walk(root, wanted, None), most):
        if _is_wanted(path, wanted):
            return
        others.append(path)
    if len(others) < most:
        raise _nothing_found(root, video_suffixes, others)


def _is_wanted(path: str, wanted: frozenset[str]) -> bool:
    return PurePath(path).suffix.lower() in wanted


def _nothing_found(root: Path, video_suffixes: frozenset[str], others: list[str]) -> DatasetError:
    noun = "image or video" if video_suffixes else "image"
    suffixes = " ".join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES | video_suffixes))
    found = f"; {described}" if (described := describe_passed_over(count_kinds(others))) else ""
    return DatasetError(f"{printable(root)}: the folder holds no {noun}; expected files ending in {suffixes}{found}.")


def _walk(root: Path, wanted: frozenset[str], exclude: Path | None) -> Iterator[str]:
    """Yield the files under a folder, relative to it, without entering a folder again from below itself."""
    if not is_folder(root):
        reason = "is not a folder" if os.path.exists(root) else "the folder does not exist"  # noqa: PTH110  (never raises)
        raise DatasetError(f"{printable(root)}: {reason}; expected a folder of images.")
    # Not by recursion, because folders may be nested deeper than Python calls functions.
    waiting = [(root, "", frozenset({None, _identity(exclude)}))]
    while waiting:
        folder, prefix, above = waiting.pop()
        above |= {_identity(folder)}
        for entry in _entries(folder):
            if entry.name.startswith("."):
                continue
            if is_folder(entry):
                if _identity(Path(entry.path)) not in above:
                    waiting.append((Path(entry.path), f"{prefix}{entry.name}/", above))
            # A link that leads nowhere, or in circles, counts by its name: whoever reads it says what is wrong with it.
            elif _is_file(entry) or (entry.is_symlink() and _is_wanted(entry.name, wanted)):
                yield f"{prefix}{entry.name}"


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as error:
        raise DatasetError(f"{printable(folder)}: the folder cannot be listed: {error.strerror}.") from error


def is_folder(path: "Path | os.DirEntry[str]") -> bool:
    """Whether something is a folder; False also if that cannot be told, as of a link that leads to itself."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _identity(folder: Path | None) -> tuple[int, int] | None:
    if folder is None:
        return None
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
