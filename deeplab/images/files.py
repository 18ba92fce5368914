"""Read images and masks as arrays, and write masks. Torch-free."""

import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from deeplab.errors import ImageError
from deeplab.files import make_folder, printable, replace_file
from deeplab.images.palette import palette

# The decoders of IMAGE_SUFFIXES. Naming them keeps Pillow from trying others, some of which run programs (EPS).
_FORMATS = ("JPEG", "PNG", "BMP", "DIB", "TIFF", "WEBP", "GIF")
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_EXIF_ORIENTATION = 0x0112
_STRETCHED_BY = {"L;2": 85, "L;4": 17}  # Pillow stretches 2- and 4-bit grey to 0..255, which is wrong for an index
_WARNING_FILTERS = threading.Lock()


def read_image(path: Path) -> NDArray[np.uint8]:
    """Decode an image file as people see it.

    The EXIF orientation is applied. Grey is repeated over the three channels; 16-bit grey keeps its full range (65535
    becomes 255). Transparent images are laid on white, as viewers and browsers show them: the colours under full
    transparency are arbitrary, often black, and were never meant to be seen. Of several frames the first is read.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageError: if the file cannot be decoded.
    """
    with _decoding(path):
        image, _ = _open(path)
        return np.array(_as_rgb(_upright(image)))


def read_mask(path: Path) -> NDArray[np.uint8]:
    """Read a mask, grey or palette, of any bit depth.

    Returns:
        The label map, (H, W) uint8.

    Raises:
        ImageError: if the file cannot be decoded, has colour channels, or holds an index above 255.
    """
    with _decoding(path):
        image, layout = _open(path)
        if image.mode not in {"1", "L", "P"} and not image.mode.startswith("I"):
            raise ImageError(
                f"{printable(path)}: a mask must hold class indices, grey or palette; this is {image.mode}."
            )
        indices = np.asarray(image)
        if indices.size and int(indices.max()) > 255:
            raise ImageError(f"{printable(path)}: holds the class index {indices.max()}; the largest is 255.")
        return indices.astype(np.uint8) // np.uint8(_STRETCHED_BY.get(layout, 1))


def write_mask(path: Path, label_map: NDArray[np.uint8]) -> None:
    """Write a label map as a PNG with VOC's palette: whole or not at all, flushed to disk. Makes missing folders.

    Args:
        path: usually `*.png`; the content is PNG whatever the name.
        label_map: (H, W) uint8.

    Raises:
        OutputError: if the file cannot be written.
    """
    image = Image.fromarray(label_map)
    image.putpalette(palette().tobytes())
    make_folder(path.parent)
    with replace_file(path) as file:
        image.save(file, format="PNG")


@contextmanager
def _decoding(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises into an ImageError; a damaged file can cause any exception."""
    try:
        yield
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(f"{printable(path)}: {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file does not exist"
    if isinstance(error, UnidentifiedImageError):
        return "is not an image in a supported format (JPEG, PNG, BMP, TIFF or WebP)"
    if isinstance(error, Image.DecompressionBombError):
        return f"has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels, the limit; cut it into tiles"
    if isinstance(error, MemoryError):
        return "does not fit into memory"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
    return f"cannot be read: {text.strip().rstrip('.')}"


def _open(path: Path) -> tuple[Image.Image, str]:
    """Decode the pixels; also return Pillow's name for their layout in the file, such as "L;4"."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise ImageError(f"{printable(path)}: is not a file.")  # to open a named pipe could block forever
    with silence_warnings():
        image = Image.open(path, formats=_FORMATS)
    with image:
        arguments = image.tile[0].args if image.tile else None
        image.load()
    layout = arguments[0] if isinstance(arguments, tuple) else arguments
    return image, str(layout)


@contextmanager
def silence_warnings() -> Iterator[None]:
    """Silence a library's warnings, such as Pillow's about odd metadata: a file is good, or an error.

    Warning filters belong to the whole process, so threads must not change them at the same time.
    """
    with _WARNING_FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _upright(image: Image.Image) -> Image.Image:
    with silence_warnings():
        try:
            orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
        except Exception:  # damaged metadata says nothing about the orientation, and the pixels are good
            return image
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        image = _to_8_bit(np.asarray(image))
    elif image.mode == "F":
        raise ValueError("its pixels are floating-point numbers; expected 8- or 16-bit integers")
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _to_8_bit(pixels: NDArray[np.integer]) -> Image.Image:
    if pixels.min() < 0 or pixels.max() > 65535:
        raise ValueError(f"its pixels range from {pixels.min()} to {pixels.max()}; expected 8- or 16-bit integers")
    return Image.fromarray(((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8))
