"""Images and label maps that are read from top to bottom, in as little memory as their files allow. Torch-free."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab.images.bands import AS_TAGGED, Reading
from deeplab.images.decoding import require_file
from deeplab.images.files import open_image
from deeplab.images.label_maps import open_label_map
from deeplab.images.masks import indices_of
from deeplab.images.pillow import decode, identify, layout_of, orientation_of, with_pillow
from deeplab.images.png import PngStrips, is_png, png_metadata
from deeplab.images.raster import Raster
from deeplab.images.rgb import as_rgb
from deeplab.images.tiff import TiffImage, is_tiff

ROWS = 512  # that are read at a time


class _DecodedRaster:
    """What Pillow has decoded as a whole, made RGB part by part: the copies are larger than the image."""

    def __init__(self, image: Image.Image, layout: str, reading: Reading) -> None:
        self._image, self._layout, self._reading = image, layout, reading
        self.height, self.width = image.height, image.width

    def read(self, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        """A part, (height, width, 3) RGB."""
        part = self._image.crop((left, top, left + width, top + height))
        return np.asarray(as_rgb(part, self._layout, self._reading))


class _PngColours:
    """A PNG that is decoded strip by strip, made RGB."""

    def __init__(self, path: Path, reading: Reading) -> None:
        self._path, self._strips, self._reading = path, PngStrips(path), reading
        self.height, self.width = self._strips.height, self._strips.width

    def read(self, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        """A part, (height, width, 3) RGB."""
        with with_pillow(self._path):
            parts = [np.asarray(as_rgb(part, "", self._reading)) for part in self._strips.read(top, height)]
        return np.concatenate(parts)[:, left : left + width]


class _PngLabels:
    """A mask that is decoded strip by strip."""

    def __init__(self, path: Path, strips: PngStrips, layout: str) -> None:
        self._path, self._strips, self._layout = path, strips, layout
        self.height, self.width = strips.height, strips.width

    def read(self, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        """A part, (height, width) class indices."""
        with with_pillow(self._path):
            parts = [indices_of(part, self._layout) for part in self._strips.read(top, height)]
        return np.concatenate(parts)[:, left : left + width]


def open_image_strips(path: Path, reading: Reading = AS_TAGGED, least_side: int | None = None) -> Raster:
    """Open an image to read it from top to bottom, as people see it.

    TIFFs and most PNGs are read part by part; anything else is decoded now.

    Args:
        path: of the file.
        reading: bands and range of the configuration.
        least_side: pixels; a JPEG may come smaller than it is, as long as its sides stay so long.

    Raises:
        ImageError: as `read_image`.
    """
    with with_pillow(path):
        if is_tiff(require_file(path)):
            return open_image(path, reading)
        if _is_striped(path):
            return _PngColours(path, reading)
        decoded = decode(path, least_side)
        image = decoded.upright()
        if image.mode.startswith("I") or decoded.layout.endswith(
            ("16B", "16L", "16N")
        ):  # all numbers say what is white
            image = as_rgb(image, decoded.layout, reading)
        return _DecodedRaster(image, decoded.layout, reading)


def open_label_strips(path: Path) -> Raster:
    """Open a mask to read it from top to bottom; most TIFFs and PNGs are read part by part. Raises ImageError."""
    with with_pillow(path):
        if is_png(require_file(path)) and PngStrips.can_read(path):
            image, _ = identify(path)
            with image:
                mode, layout = image.mode, layout_of(image)
            if mode in ("1", "L", "P"):
                return _PngLabels(path, PngStrips(path), layout)
    return open_label_map(path)


def pixels_at_once(path: Path, reading: Reading = AS_TAGGED, least_side: int | None = None) -> int:
    """How many pixels of an image or mask are in memory at once when it is read from top to bottom.

    Args:
        path, reading, least_side: as of `open_image_strips`.

    Raises:
        ImageError: if the file is none.
    """
    with with_pillow(path):
        if is_tiff(require_file(path)):
            tiff = TiffImage(path, reading)
            is_in_parts = tiff.is_plain or tiff.holds_indices
            return tiff.width * min(tiff.height, max(ROWS, tiff.rows_of_part) if is_in_parts else tiff.height)
        if _is_striped(path):
            strips = PngStrips(path)
            return strips.width * min(strips.height, ROWS)
        image, _ = identify(path)
        with image:
            if least_side is not None:
                image.draft(None, (least_side, least_side))
            return image.width * image.height


def _is_striped(path: Path) -> bool:
    """Whether it is a PNG that is read strip by strip. Raises ValueError if it is a damaged one."""
    return is_png(path) and PngStrips.can_read(path) and orientation_of(png_metadata(path)) == 1


def shrink(image: Raster, longest: int, *, blend: bool) -> Image.Image:
    """Make an image of at most `longest` pixels a side of one that is read from top to bottom.

    Args:
        image: an image or a label map.
        longest: pixels; it is never made larger.
        blend: whether pixels may be averaged; of class indices one is taken.

    Raises:
        ImageError: if it cannot be decoded.
    """
    factor = max(1, max(image.height, image.width) // (2 * longest))
    small = Image.fromarray(np.concatenate(list(_reduced(image, factor, blend=blend))))
    small.thumbnail((longest, longest), Image.Resampling.BICUBIC if blend else Image.Resampling.NEAREST)
    return small


def _reduced(image: Raster, factor: int, *, blend: bool) -> Iterator[NDArray[np.uint8]]:
    """Strips of which each square of `factor` pixels a side has become one pixel."""
    rows = factor * math.ceil(ROWS / factor)
    for top in range(0, image.height, rows):
        strip = image.read(top, 0, min(rows, image.height - top), image.width)
        if blend:
            yield np.asarray(Image.fromarray(strip).reduce(factor))
        else:
            yield strip[::factor, ::factor].copy()  # which does not hold on to the strip
