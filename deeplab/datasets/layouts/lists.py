"""Split lists: text files that name the images of a split. Torch-free."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.images.kinds import IMAGE_SUFFIXES


def read_ids(path: Path) -> list[str]:
    """Read a list of ids: one per line, with or without the suffix of its image. Blank lines are skipped.

    Raises:
        DatasetError: if the list cannot be read, is empty or names an id twice.
    """
    lines = _read_lines(path, "one id per line")
    return list(_without_repeats(path, ((number, _without_suffix(line)) for number, line in lines)))


def read_paths(path: Path) -> dict[str, tuple[str, str]]:
    """Read a list of path pairs: per line the paths of an image and its mask below ROOT, `/a/b.jpg /c/b.png`.

    Returns:
        Image and mask path by id, without their first slash; the id is the image's name up to its first dot.

    Raises:
        DatasetError: if the list cannot be read or is empty, a line is not two paths, or two images have one name.
    """
    rows = []
    for number, line in _read_lines(path, "an image's and a mask's path per line"):
        columns = [column.lstrip("/") for column in line.split()]
        if len(columns) != 2:
            raise DatasetError(
                f"{printable(path)}: line {number} is {line!r}; expected an image's and a mask's path, such as"
                " '/JPEGImages/a.jpg /SegmentationClassAug/a.png'."
            )
        rows.append((number, columns[0], columns[1]))
    ids = _without_repeats(path, ((number, PurePosixPath(image).name.split(".")[0]) for number, image, _ in rows))
    return {each: (image, mask) for each, (_, image, mask) in zip(ids, rows, strict=True)}


def _read_lines(path: Path, expected: str) -> list[tuple[int, str]]:
    """Read the lines that are not blank, with their numbers."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise DatasetError(f"{printable(path)}: the split list does not exist.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{printable(path)}: the split list cannot be read: {error}.") from error
    numbered = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    if not numbered:
        raise DatasetError(f"{printable(path)}: the split is empty; expected {expected}.")
    return numbered


def _without_repeats(path: Path, numbered: Iterable[tuple[int, str]]) -> dict[str, int]:
    """Return the ids with their line numbers. Raises DatasetError if one is repeated."""
    ids: dict[str, int] = {}
    for number, name in numbered:
        if name in ids:
            raise DatasetError(f"{printable(path)}: line {number} repeats {name!r} of line {ids[name]}.")
        ids[name] = number
    return ids


def _without_suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if f"{dot}{suffix}".lower() in IMAGE_SUFFIXES else name
