"""Read images as arrays, as a whole or part by part. Torch-free."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab.images.bands import AS_TAGGED, Reading
from deeplab.images.decoding import require_file
from deeplab.images.pillow import decode, identify, orientation_of, turn, with_pillow
from deeplab.images.png import png_metadata
from deeplab.images.raster import LoadedRaster, Raster, read_all
from deeplab.images.rgb import as_rgb
from deeplab.images.tiff import MissingCodecError, TiffImage, is_tiff, tiff_orientation, tiff_size


@dataclass(frozen=True)
class OrientedImage:
    """An image as people see it, and how it lies in its file."""

    pixels: NDArray[np.uint8]  # (H, W, 3) RGB, upright
    orientation: int  # EXIF's, 1 to 8; 1: stored upright

    @property
    def stored_size(self) -> tuple[int, int]:
        """Height and width in the file."""
        height, width = self.pixels.shape[:2]
        return (width, height) if self.orientation >= 5 else (height, width)

    def turn_alike(self, label_map: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn a label map that was drawn on the image as it is stored."""
        return np.array(turn(Image.fromarray(label_map), self.orientation))


def read_image(path: Path, reading: Reading = AS_TAGGED) -> NDArray[np.uint8]:
    """Decode an image file as people see it.

    The EXIF orientation is applied. Grey is repeated over the three channels; 16-bit grey keeps its full range (65535
    becomes 255). Transparent images are laid on white, as viewers and browsers show them: the colours under full
    transparency are arbitrary, often black, and were never meant to be seen. Of several frames the first is read. The
    tags of a TIFF say which bands are colours and which number is white.

    Args:
        path: of the file.
        reading: bands and range of the configuration, which go before what the file says.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageError: if the file cannot be decoded, or does not say what its bands and numbers mean.
    """
    return read_oriented(path, reading).pixels


def read_oriented(path: Path, reading: Reading = AS_TAGGED) -> OrientedImage:
    """Decode an image file as `read_image` does, and say how it lies in its file."""
    with with_pillow(path):
        plain = _read_plain_tiff(path, reading)
        if plain is not None:
            return plain
        decoded = decode(path)
        return OrientedImage(np.array(as_rgb(decoded.upright(), decoded.layout, reading)), decoded.orientation)


def open_image(path: Path, reading: Reading = AS_TAGGED) -> Raster:
    """Open an image to read it part by part: a TIFF tile by tile, any other by decoding it now. Raises ImageError."""
    with with_pillow(path):
        if is_tiff(require_file(path)):
            tiff = TiffImage(path, reading)
            if tiff.is_plain and tiff.orientation == 1:
                try:
                    tiff.probe()
                except MissingCodecError:
                    return LoadedRaster(read_image(path, reading))
                return tiff
    return LoadedRaster(read_image(path, reading))


def image_size(path: Path) -> tuple[int, int]:
    """Height and width of an image as it is stored, without decoding it. Raises ImageError if it is none."""
    with with_pillow(path):
        if is_tiff(require_file(path)):
            return tiff_size(path)
        image, _ = identify(path)
        with image:
            return image.height, image.width


def upright_size(path: Path) -> tuple[int, int]:
    """Height and width of an image as people see it, without decoding it. Raises ImageError if it is none."""
    with with_pillow(path):
        if is_tiff(require_file(path)):
            height, width = tiff_size(path)
            orientation = tiff_orientation(path)
        else:
            image, _ = identify(path)
            with image:
                height, width = image.height, image.width
                orientation = orientation_of(png_metadata(path) if image.format == "PNG" else image)
    return (width, height) if orientation >= 5 else (height, width)


def _read_plain_tiff(path: Path, reading: Reading) -> OrientedImage | None:
    """Read a TIFF by its bands; None if it is of a kind, or compressed in a way, that Pillow shall decode."""
    if not is_tiff(require_file(path)):
        return None
    tiff = TiffImage(path, reading)
    if tiff.rendering is None:
        return None
    try:
        if tiff.rendering.doubts:
            tiff.probe()
        stored = Image.fromarray(read_all(tiff))
    except MissingCodecError:
        if tiff.n_bits != 8:
            raise
        decoded = decode(path)
        bands = np.atleast_3d(np.asarray(decoded.upright()))
        tiff.rendering.require_plausible(bands)
        return OrientedImage(tiff.rendering.render(bands), decoded.orientation)
    return OrientedImage(np.array(turn(stored, tiff.orientation)), tiff.orientation)
