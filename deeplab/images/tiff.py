"""TIFF and GeoTIFF: windows of large images, bands beside red, green and blue, and masks on the map. Torch-free."""

import logging
import math
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray

from deeplab.errors import ImageError
from deeplab.files import make_folder, printable, replace_file
from deeplab.images.bands import Reading, Rendering, choose_bands
from deeplab.images.decoding import decoding
from deeplab.images.palette import palette
from deeplab.memory import available_memory
from deeplab.unpacking import require_at_most

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # odd tags are no news: a file is good, or an error

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MIN_SAMPLE, _MAX_SAMPLE, _S_MIN_SAMPLE, _S_MAX_SAMPLE, _EXTRA_SAMPLES, _ORIENTATION = 280, 281, 340, 341, 338, 274
# Where pixels lie on the map: scale, tie points, transformation, and the three of the coordinate system. The value of
# pixels without data (42113) stays behind: it is a number of the image, and would be a class in the mask.
_GEOREFERENCE = (33550, 33922, 34264, 34735, 34736, 34737)
_TILE = 256  # side of a mask's tiles, pixels
_SAMPLES, _SIDE = 4, 64  # so many squares along each side, of so many pixels, tell what an image's numbers are
_PLAIN = (0, 1, 2, 6)  # photometric: grey of both directions, RGB, and YCbCr, which decodes to RGB
_LOSSLESS = (1, 8, 32946, 32773)  # compressions that need no further package: none, deflate, PackBits
_PACKED = {8: "deflate", 32946: "deflate", 34925: "lzma"}  # compressions that tifffile unpacks to whatever size
_WITH_CODECS = "pip install 'deeplab-platform[geotiff]'"

GeoTags = list[tuple[int, int, int, Any, bool]]  # as tifffile writes them


def is_tiff(path: Path) -> bool:
    """Whether a file begins as a TIFF does. Raises OSError if it cannot be read."""
    with path.open("rb") as file:
        return file.read(4) in _MAGIC


class MissingCodecError(ImageError):
    """A TIFF is compressed in a way that needs another package."""


class TiffImage:
    """A TIFF of grey or RGB, with any further bands, which is read tile by tile or strip by strip.

    Args:
        path: of the file; its first image is read, as it is stored.
        reading: the configuration's word, which goes before that of the tags.

    Raises:
        ImageError: if it is not a TIFF, or its tags do not say what its numbers mean.
    """

    def __init__(self, path: Path, reading: Reading) -> None:
        self._path = path
        with decoding(path, _as_image_error), tifffile.TiffFile(path) as file:
            page: Any = file.pages.first
            self._page = page
            self._places = list(zip(page.dataoffsets, page.databytecounts, strict=True))
            self._tables = page.jpegtables
            self.height = int(page.imagelength)
            self.width = int(page.imagewidth)
            self.orientation = int(page.tags.valueof(_ORIENTATION, 1))  # as EXIF counts
            self.n_bits = _bits(page)
            # What inks, palettes and a few bits mean, others know.
            self.is_plain = page.photometric in _PLAIN and self.n_bits >= 8
            self.rendering = _rendering_of(page, reading) if self.is_plain else None

    def read(self, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        """Read a part, (height, width, 3) uint8 RGB. Raises ImageError if it cannot be decoded."""
        if self.rendering is None:
            raise ValueError("only a plain TIFF is read by parts")
        with decoding(self._path, _as_image_error):
            return self.rendering.render(self._bands(top, left, height, width))

    @property
    def rows_of_part(self) -> int:
        """Rows of the parts that it is decoded by."""
        return int(self._page.tilelength if self._page.is_tiled else min(self.height, self._page.rowsperstrip))

    @property
    def holds_indices(self) -> bool:
        """Whether it can be read as a label map part by part: upright, one band of 8 bits, compressed without loss."""
        page = self._page
        one_band = page.samplesperpixel == 1 and page.dtype == np.uint8 and self.n_bits == 8
        as_stored = page.photometric in (1, 3) and self.orientation == 1  # grey that rises, or a palette
        return one_band and as_stored and int(page.compression) in _LOSSLESS

    def read_indices(self, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        """Read a part of a label map, (height, width). Raises ImageError if it cannot be decoded."""
        with decoding(self._path, _as_image_error):
            return self._bands(top, left, height, width)[..., 0].astype(np.uint8)

    def probe(self) -> None:
        """Decode some of the pixels. Raises ImageError if that fails, or the numbers contradict the tags."""
        with decoding(self._path, _as_image_error):
            sample = self._sample()
            if self.rendering is not None:
                self.rendering.require_plausible(sample)

    def _bands(self, top: int, left: int, height: int, width: int) -> NDArray[np.generic]:
        page = self._page
        _require_room(height * width * page.samplesperpixel * np.dtype(page.dtype).itemsize)
        bands = np.zeros((height, width, page.samplesperpixel), page.dtype)
        tile_height, tile_width = (
            (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, self.width)
        )
        n_across = math.ceil(self.width / tile_width)
        n_planes = page.samplesperpixel if page.planarconfig == 2 else 1
        per_plane = n_across * math.ceil(self.height / tile_height)
        downs = range(top // tile_height, math.ceil((top + height) / tile_height))
        acrosses = range(left // tile_width, math.ceil((left + width) / tile_width))
        with self._path.open("rb") as file:
            for down, across, plane in product(downs, acrosses, range(n_planes)):
                tile = self._tile(file, plane * per_plane + down * n_across + across)
                if tile is not None:
                    place = slice(plane, plane + 1) if n_planes > 1 else slice(None)
                    _paste(bands[..., place], tile, down * tile_height - top, across * tile_width - left)
        return bands

    def _tile(self, file: BinaryIO, index: int) -> NDArray[np.generic] | None:
        """Decode a tile or strip, (h, w, bands in it); None for one that was left out, which means zeros."""
        page = self._page
        offset, n_bytes = self._places[index]
        if n_bytes == 0:
            return None
        file.seek(offset)
        content = file.read(n_bytes)
        if len(content) < n_bytes:
            raise ValueError("the file is truncated")
        if int(page.compression) in _PACKED:
            require_at_most(content, _PACKED[int(page.compression)], self._part_bytes)
        tile, _, shape = page.decode(content, index, jpegtables=self._tables)
        return None if tile is None else tile[0, : shape[1], : shape[2]]

    @property
    def _part_bytes(self) -> int:
        """The most bytes that a tile or strip unpacks to."""
        page = self._page
        width = page.tilewidth if page.is_tiled else page.imagewidth
        bands = 1 if page.planarconfig == 2 else page.samplesperpixel
        return int(self.rows_of_part * width * bands * np.dtype(page.dtype).itemsize)

    def _sample(self) -> NDArray[np.generic]:
        """Some of the pixels, (n, bands), from all over the image."""
        tops = sorted({int(top) for top in np.linspace(0, max(0, self.height - _SIDE), _SAMPLES)})
        lefts = sorted({int(left) for left in np.linspace(0, max(0, self.width - _SIDE), _SAMPLES)})
        parts = [
            self._bands(top, left, min(_SIDE, self.height - top), min(_SIDE, self.width - left))
            for top, left in product(tops, lefts)
        ]
        return np.concatenate([part.reshape(-1, part.shape[-1]) for part in parts])


def tiff_size(path: Path) -> tuple[int, int]:
    """Height and width as the file says. Raises ImageError if it is not a TIFF."""
    with decoding(path, _as_image_error), tifffile.TiffFile(path) as file:
        page: Any = file.pages.first
        return int(page.imagelength), int(page.imagewidth)


def tiff_orientation(path: Path) -> int:
    """How the image lies in its file, as EXIF counts, 1 to 8. Raises ImageError if it is not a TIFF."""
    with decoding(path, _as_image_error), tifffile.TiffFile(path) as file:
        page: Any = file.pages.first
        orientation = int(page.tags.valueof(_ORIENTATION, 1))
        return orientation if 1 <= orientation <= 8 else 1


def read_georeference(path: Path) -> GeoTags:
    """Read the tags that say where an image lies on the map; none if it is no GeoTIFF, or no TIFF."""
    try:
        if not is_tiff(path):
            return []
        with tifffile.TiffFile(path) as file:
            tags = file.pages.first.tags
            if tags.valueof(_ORIENTATION, 1) != 1:  # the mask is upright, and lies otherwise than the stored pixels
                return []
            return [
                (code, int(tags[code].dtype), int(tags[code].count), tags[code].value, True)
                for code in _GEOREFERENCE
                if code in tags
            ]
    except Exception:  # whoever decodes the pixels says what is wrong with the file
        return []


def write_geotiff_mask(path: Path, label_map: NDArray[np.uint8], georeference: GeoTags) -> None:
    """Write a label map as a tiled, compressed TIFF with VOC's palette that lies where its image lies.

    Raises:
        OutputError: if the file cannot be written; it is there whole or not at all.
    """
    make_folder(path.parent)
    with replace_file(path) as file:
        _write(file, label_map, georeference)


def _write(file: BinaryIO, label_map: NDArray[np.uint8], georeference: GeoTags) -> None:
    with tifffile.TiffWriter(file, bigtiff=label_map.size >= 2**31) as writer:
        writer.write(
            label_map,
            photometric="palette",
            colormap=palette().T.astype(np.uint16) * 257,
            tile=(_TILE, _TILE),
            compression="zlib",
            extratags=georeference,
            metadata=None,
            software=False,
            maxworkers=1,
        )


def _rendering_of(page: Any, reading: Reading) -> Rendering:
    extra = page.tags.get(_EXTRA_SAMPLES)
    colours, alpha = choose_bands(
        page.samplesperpixel,
        is_rgb=page.photometric in (2, 6),
        extra=None if extra is None else _as_tuple(extra.value),
        chosen=reading.bands,
    )
    low, high, is_certain = _range_of(page, reading)
    return Rendering(colours, alpha, low, high, inverted=page.photometric == 0, is_certain=is_certain)


def _range_of(page: Any, reading: Reading) -> tuple[float, float, bool]:
    """The numbers that are black and white, and whether anybody said so."""
    if reading.value_range is not None:
        return *reading.value_range, True
    if page.dtype is None or page.dtype.kind != "u":
        kind = "floating-point numbers" if page.dtype is not None and page.dtype.kind == "f" else "signed numbers"
        raise ValueError(
            f"its pixels are {kind}, of which nothing says which is white; set IMAGE.RANGE, such as [0, 1]"
        )
    bits = _bits(page)
    for lowest, highest in ((_S_MIN_SAMPLE, _S_MAX_SAMPLE), (_MIN_SAMPLE, _MAX_SAMPLE)):
        if highest in page.tags:
            low = min(_as_tuple(page.tags.valueof(lowest, 0)))
            high = max(_as_tuple(page.tags[highest].value))
            if low < high:
                return low, high, True
    return 0, 2**bits - 1, bits not in (16, 32)


def _bits(page: Any) -> int:
    return int(max(_as_tuple(page.bitspersample)))


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else (value,)


def _paste(bands: NDArray[np.generic], tile: NDArray[np.generic], y: int, x: int) -> None:
    """Copy what of a tile lies in an array, whose corner is at (-y, -x) of the tile."""
    top, left = max(0, y), max(0, x)
    bottom, right = min(bands.shape[0], y + tile.shape[0]), min(bands.shape[1], x + tile.shape[1])
    if top < bottom and left < right:
        bands[top:bottom, left:right] = tile[top - y : bottom - y, left - x : right - x]


def _require_room(n_bytes: int) -> None:
    if n_bytes > (available := available_memory()):
        raise ValueError(
            f"its bands take {n_bytes / 2**30:.1f} GiB of memory, but {available / 2**30:.1f} GiB are free"
        )


def _as_image_error(path: Path, error: Exception) -> ImageError:
    reason = str(error).strip().rstrip(".") or type(error).__name__
    if "imagecodecs" in reason:
        return MissingCodecError(f"{printable(path)}: its compression needs: {_WITH_CODECS}")
    return ImageError(f"{printable(path)}: cannot be read: {reason}.")
