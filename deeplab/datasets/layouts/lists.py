"""Split lists: text files that name the images of a split. Torch-free."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from deeplab import remote
from deeplab.datasets.nearby import spelling
from deeplab.errors import DatasetError
from deeplab.files import LARGEST_LIST, printable, read_text, real_path, reason_of
from deeplab.images.kinds import NAMED_SUFFIXES

_DRIVE = re.compile("[A-Za-z]:/")


def read_ids(path: Path, images: Path | None = None) -> list[str]:
    """Read a list of ids: one per line, with or without the suffix of its image. Blank lines are skipped.

    Args:
        path: the list.
        images: the folder of the images. An id may also be a path of an image below it, or below the folder above it:
            `./a.jpg`, `images/a.jpg`, an absolute one, or one with backslashes.

    Raises:
        DatasetError: if the list cannot be read, is empty, names an id twice, or a file elsewhere.
    """
    ids = []
    for number, line in read_lines(path, "one id per line"):
        name = id_of(line, images)
        if name is None:
            raise DatasetError(
                f"{printable(path)}: line {number} is {line!r}, which lies outside of {printable(str(images))};"
                " expected a path below that folder, such as 'a.jpg'."
            )
        ids.append((number, name))
    return list(_without_repeats(path, ids))


def id_of(line: str, images: Path | None) -> str | None:
    """The id in a line of a list, as `read_ids` reads it; None for the path of a file elsewhere."""
    name = _within(line, images)
    return None if name is None else _without_suffix(name)


def _within(line: str, images: Path | None) -> str | None:
    """Turn a path of an image into one relative to the folder of the images."""
    name = line.replace("\\", "/")
    if images is None:
        return name
    if not name.startswith("/") and not _DRIVE.match(name):
        name = str(PurePosixPath(name))  # without "./"
        return name if remote.is_folder(images / images.name) else name.removeprefix(f"{images.name}/")
    for folder in (images.absolute(), real_path(images)):
        if PurePosixPath(name).is_relative_to(folder):
            return str(PurePosixPath(name).relative_to(folder))
    return None


def read_paths(path: Path, root: Path) -> dict[str, tuple[str, str]]:
    """Read a list of path pairs: per line the paths of an image and its mask below ROOT, `/a/b.jpg /c/b.png`.

    Args:
        path: the list.
        root: the folder that the paths start at.

    Returns:
        Image and mask path by id, without their first slash; the id is the image's name up to its first dot.

    Raises:
        DatasetError: if the list cannot be read or is empty, a line is not two paths, or two images have one name.
    """
    rows = []
    for number, line in read_lines(path, "an image's and a mask's path per line"):
        columns = [_below(root, column) for column in line.split()]
        if len(columns) != 2:
            raise DatasetError(
                f"{printable(path)}: line {number} is {line!r}; expected an image's and a mask's path, such as"
                " '/JPEGImages/a.jpg /SegmentationClassAug/a.png'."
            )
        rows.append((number, columns[0], columns[1]))
    ids = _without_repeats(path, ((number, PurePosixPath(image).name.split(".")[0]) for number, image, _ in rows))
    return {each: (image, mask) for each, (_, image, mask) in zip(ids, rows, strict=True)}


def _below(root: Path, column: str) -> str:
    """Make a path relative to a folder, be it written as absolute on this machine or as if the folder were "/"."""
    name = PurePosixPath(column.replace("\\", "/"))
    for folder in (root.absolute(), real_path(root)):
        if name.is_relative_to(folder):
            return str(name.relative_to(folder))
    return str(name).lstrip("/")


def read_lines(path: Path, expected: str, largest: int = LARGEST_LIST) -> list[tuple[int, str]]:
    """Read the lines of a list that are not blank, with their numbers.

    Args:
        path: the list.
        expected: what should be there, for errors.
        largest: how many bytes it may have.

    Raises:
        DatasetError: if the list cannot be read, is too large, or is empty.
    """
    try:
        lines = read_text(path, largest).splitlines()
    except FileNotFoundError:
        raise DatasetError(f"{printable(path)}: the split list does not exist.") from None
    except (OSError, UnicodeError) as error:
        raise DatasetError(f"{printable(path)}: the split list cannot be read: {reason_of(error)}.") from error
    # Files that were joined have byte-order marks in between.
    stripped = (line.strip().strip("\ufeff").strip() for line in lines)
    numbered = [(number, line) for number, line in enumerate(stripped, start=1) if line]
    if not numbered:
        raise DatasetError(f"{printable(path)}: the split is empty; expected {expected}.")
    return numbered


def _without_repeats(path: Path, numbered: Iterable[tuple[int, str]]) -> dict[str, int]:
    """Return the ids with their line numbers. Raises DatasetError if one is repeated."""
    ids: dict[str, int] = {}
    names: dict[str, int] = {}
    for number, name in numbered:
        known = spelling(name)
        if known in ids:
            raise DatasetError(f"{printable(path)}: line {number} repeats {name!r} of line {ids[known]}.")
        ids[known] = number
        names[name] = number
    return names


def _without_suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if f"{dot}{suffix}".lower() in NAMED_SUFFIXES else name
