"""Images and label maps as tiles, at full size and at half of it again and again: a pyramid, in one file.

The tile `level/row/column` covers TILE pixels a side of the level; at level 0 these are the image's own, at each
further one half as many. The last level is a single tile. The file is a ZIP archive of JPEGs or PNGs.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab.images.raster import Raster

TILE = 512  # pixels
_JPEG_QUALITY = 92


@dataclass(frozen=True)
class Form:
    """How tiles are written, and how pixels become half as many."""

    mimetype: str
    encode: Callable[[NDArray[np.uint8]], bytes]
    halve: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]  # (H, W) -> (H / 2, W / 2), rounded up


def _encode_colours(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return file.getvalue()


def _encode_values(values: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, format="PNG", compress_level=3)
    return file.getvalue()


COLOURS = Form("image/jpeg", _encode_colours, lambda pixels: np.asarray(Image.fromarray(pixels).reduce(2)))
# Of numbers that cannot be blended, one of four is taken, always the same: layers of one image stay comparable.
VALUES = Form("image/png", _encode_values, lambda values: values[::2, ::2])


def n_levels(height: int, width: int) -> int:
    """How many levels an image of a size has."""
    return max(0, (max(height, width) - 1).bit_length() - (TILE - 1).bit_length()) + 1


def write_pyramid(file: BinaryIO, source: Raster, form: Form) -> None:
    """Write all tiles of an image, reading it once, strip by strip.

    Raises:
        ImageError: if it cannot be decoded.
    """
    with ZipFile(file, "w") as archive:
        level = _Level(archive, form, source.width, 0, n_levels(source.height, source.width))
        for top in range(0, source.height, TILE):
            level.add(source.read(top, 0, min(TILE, source.height - top), source.width))
        level.finish()


def read_tile(path: Path, level: int, row: int, column: int) -> bytes | None:
    """Read a tile; None if the image has none there. Raises FileNotFoundError if there is no such pyramid."""
    with ZipFile(path) as archive:
        try:
            return archive.read(_name(level, row, column))
        except KeyError:
            return None


class _Level:
    """Writes the tiles of one level as its strips come, and hands on what the next one is made of."""

    def __init__(self, archive: ZipFile, form: Form, width: int, number: int, n_left: int) -> None:
        self._archive, self._form, self._width, self._number = archive, form, width, number
        self._next = _Level(archive, form, (width + 1) // 2, number + 1, n_left - 1) if n_left > 1 else None
        self._strips: list[NDArray[np.uint8]] = []
        self._row = 0

    def add(self, strip: NDArray[np.uint8]) -> None:
        """Take a strip: a whole row of tiles, or half of one."""
        self._strips.append(strip)
        if sum(map(len, self._strips)) >= TILE:
            self._write()

    def finish(self) -> None:
        """Write what is left."""
        if self._strips:
            self._write()
        if self._next is not None:
            self._next.finish()

    def _write(self) -> None:
        strip = np.concatenate(self._strips)
        for column, left in enumerate(range(0, self._width, TILE)):
            entry = ZipInfo(_name(self._number, self._row, column))  # of 1980, as every archive of these tiles
            self._archive.writestr(entry, self._form.encode(np.ascontiguousarray(strip[:, left : left + TILE])))
        self._strips = []
        self._row += 1
        if self._next is not None:
            self._next.add(self._form.halve(strip))


def _name(level: int, row: int, column: int) -> str:
    return f"{level}/{row}/{column}"
