"""Masks whose colours are the classes, and the file that says which colour is which. Torch-free."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from deeplab.errors import DatasetError
from deeplab.files import LARGEST_FILE, printable, read_text, reason_of
from deeplab.formats import shortened
from deeplab.images.masks import read_mask_colours
from deeplab.images.palette import Colour, as_colour
from deeplab.schema import Dataset


@dataclass(frozen=True)
class ColourTable:
    """Which colour is which class."""

    classes: dict[Colour, int]  # a class may have several colours
    name: str = "DATASET.PALETTE"  # of the table, for sentences

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """The colours as numbers, in order, and their classes."""
        keys = _as_numbers(np.array(list(self.classes), np.uint8))
        order = np.argsort(keys)
        return keys[order], np.array(list(self.classes.values()), np.uint8)[order]

    def label_map(self, colours: NDArray[np.uint8], where: str) -> NDArray[np.uint8]:
        """Turn (H, W, 3) colours into (H, W) classes.

        Raises:
            DatasetError: if a colour is not in the table; the sentence begins with `where`.
        """
        keys, classes = self._sorted
        numbers = _as_numbers(colours)
        places = np.searchsorted(keys, numbers).clip(max=len(keys) - 1)
        is_unknown = keys[places] != numbers
        if is_unknown.any():
            raise DatasetError(f"{where}: {self._describe_unknown(colours[is_unknown])}")
        label_map: NDArray[np.uint8] = classes[places]
        return label_map

    def _describe_unknown(self, colours: NDArray[np.uint8]) -> str:
        """Name the most frequent of some unknown colours, and the known one that is nearest to it."""
        unknown, counts = np.unique(colours, axis=0, return_counts=True)
        first = unknown[counts.argmax()]
        known = np.array(list(self.classes), np.int64)
        nearest = known[((known - first) ** 2).sum(axis=1).argmin()]
        more = f"; {len(unknown) - 1} other colours are unknown, too" if len(unknown) > 1 else ""
        return (
            f"{int(counts.max())} pixels have the colour {_rgb(first)}, which {self.name} does not list; the"
            f" nearest one is {_rgb(nearest)}, class {self.classes[as_colour(nearest)]}{more}."
        )


@dataclass(frozen=True)
class ColourMaskFile:
    """A mask whose colours are the classes."""

    path: Path
    table: ColourTable
    drawn_size: ClassVar[None] = None

    def read(self) -> NDArray[np.uint8]:
        """Decode the file and look its colours up. Raises ImageError or DatasetError if that fails."""
        return self.table.label_map(read_mask_colours(self.path), printable(self.path))


def load_colour_table(path: Path, settings: Dataset) -> ColourTable:
    """Read a file of colours: one `class R G B` per line, parted by blanks or tabs; what follows is a comment.

    Blank lines, and lines that begin with `#`, are skipped.

    Args:
        path: the file.
        settings: N_CLASSES and IGNORE_LABEL say which classes there are.

    Raises:
        DatasetError: if the file cannot be read or is empty, a line is malformed, names no class, or repeats a colour.
    """
    classes: dict[Colour, int] = {}
    lines: dict[Colour, int] = {}
    for number, line in _read_lines(path):
        where = f"{printable(path)}: line {number}"
        index, colour = _parse_line(line, where)
        if index >= settings.N_CLASSES and index != settings.IGNORE_LABEL:
            raise DatasetError(
                f"{where}: there is no class {index}; expected 0 to {settings.N_CLASSES - 1}"
                f" or {settings.IGNORE_LABEL}."
            )
        if colour in classes:
            raise DatasetError(f"{where} repeats the colour {_rgb(colour)} of line {lines[colour]}.")
        classes[colour], lines[colour] = index, number
    if not classes:
        raise DatasetError(f"{printable(path)}: the file lists no colour; expected one 'class R G B' per line.")
    return ColourTable(classes)


def _read_lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = read_text(path, LARGEST_FILE)
    except FileNotFoundError:
        raise DatasetError(f"{printable(path)}: the file of DATASET.PALETTE does not exist.") from None
    except (OSError, UnicodeError) as error:
        raise DatasetError(
            f"{printable(path)}: the file of DATASET.PALETTE cannot be read: {reason_of(error)}."
        ) from error
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line


def is_byte(text: str) -> bool:
    """Whether a text is a number from 0 to 255."""
    return text.isascii() and text.isdecimal() and len(text) < 4 and int(text) <= 255


def _parse_line(line: str, where: str) -> tuple[int, Colour]:
    fields = line.split()[:4]
    if len(fields) < 4 or not all(map(is_byte, fields)):
        raise DatasetError(f"{where} is {shortened(line)}; expected 'class R G B', four numbers from 0 to 255.")
    index, red, green, blue = map(int, fields)
    return index, (red, green, blue)


def _as_numbers(colours: NDArray[np.uint8]) -> NDArray[np.int64]:
    red, green, blue = (colours[..., channel].astype(np.int64) for channel in range(3))
    return (red << 16) | (green << 8) | blue


def _rgb(colour: Colour | NDArray[np.integer]) -> str:
    return "({}, {}, {})".format(*colour)
