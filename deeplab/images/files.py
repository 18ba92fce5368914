"""Read images and masks as arrays, and write masks. Torch-free."""

import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from deeplab.errors import ImageError
from deeplab.files import make_folder, printable, replace_file
from deeplab.images.bands import AS_TAGGED, Reading
from deeplab.images.kinds import NEEDS_HEIF, formats_of, is_heif, lossy_kind
from deeplab.images.palette import palette
from deeplab.images.rgb import as_rgb
from deeplab.images.source import ImageSource, LoadedImage, read_all
from deeplab.images.tiff import MissingCodecError, TiffImage, is_tiff, tiff_size

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
# Pillow's own limit is about attacks with small files; honest images of maps and microscopes are larger.
Image.MAX_IMAGE_PIXELS = None
_PIXELS_PER_BYTE = 2**17  # of a file: no compression that is read here comes near
_BYTES_PER_PIXEL = 8  # while an image is decoded: as stored, as RGB, and upright
_WARNING_FILTERS = threading.Lock()
_HEAD = 4096  # bytes that tell the kind of a file; a WebP file's colour profile may come before its pixels


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
        if self.orientation not in _UPRIGHT:
            return label_map
        return np.array(Image.fromarray(label_map).transpose(_UPRIGHT[self.orientation]))


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
    with _decoding(path):
        plain = _read_plain_tiff(path, reading)
        if plain is not None:
            return plain
        opened = _open(path)
        upright = opened.image if opened.is_upright else _turn(opened.image, opened.orientation)
        return OrientedImage(np.array(as_rgb(upright, opened.layout, reading)), opened.orientation)


def open_image(path: Path, reading: Reading = AS_TAGGED) -> ImageSource:
    """Open an image to read it part by part: a TIFF tile by tile, any other by decoding it now. Raises ImageError."""
    with _decoding(path):
        if is_tiff(_require_file(path)):
            tiff = TiffImage(path, reading)
            if tiff.is_plain and tiff.orientation == 1:
                try:
                    tiff.probe()
                except MissingCodecError:
                    return LoadedImage(read_image(path, reading))
                return tiff
    return LoadedImage(read_image(path, reading))


def image_size(path: Path) -> tuple[int, int]:
    """Height and width of an image as it is stored, without decoding it. Raises ImageError if it is none."""
    with _decoding(path):
        if is_tiff(_require_file(path)):
            return tiff_size(path)
        image, _ = _identify(path)
        with image:
            return image.height, image.width


def read_mask(path: Path) -> NDArray[np.uint8]:
    """Read a mask, grey or palette, of any bit depth. One with three equal channels is grey.

    Returns:
        The label map, (H, W) uint8.

    Raises:
        ImageError: if the file cannot be decoded, is of a lossy kind, has colours, or holds an index above 255.
    """
    return read_mask_and_palette(path)[0]


def read_mask_and_palette(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Read a mask as `read_mask` does, with the colours of its palette, (up to 256, 3); None if it has none."""
    with _decoding(path):
        opened = _open_mask(path)
        image, layout = opened.image, opened.layout
        if image.format == "GIF":
            raise ImageError(
                f"{printable(path)}: is GIF, whose writers renumber the colours, so that an index says nothing;"
                " expected PNG, or DATASET.PALETTE to say which colour is which class."
            )
        if image.mode in {"1", "L", "P"} or image.mode.startswith("I"):
            indices = np.asarray(image)
        else:
            indices = _grey_of(path, _opaque_rgb(path, image))
        if indices.size and int(indices.max()) > 255:
            raise ImageError(f"{printable(path)}: holds the class index {indices.max()}; the largest is 255.")
        colours = image.getpalette("RGB") if image.mode == "P" else None
        table = None if colours is None else np.array(colours, np.uint8).reshape(-1, 3)
        return indices.astype(np.uint8) // np.uint8(_STRETCHED_BY.get(layout, 1)), table


def read_mask_colours(path: Path) -> NDArray[np.uint8]:
    """Read a mask as (H, W, 3) colours, whatever its mode.

    Raises:
        ImageError: if the file cannot be decoded, is of a lossy kind, or is transparent somewhere.
    """
    with _decoding(path):
        return _opaque_rgb(path, _open_mask(path).image)


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
        return "is not an image in a supported format (JPEG, PNG, BMP, TIFF, WebP, GIF and others)"
    if isinstance(error, MemoryError):
        return "does not fit into memory"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
    return f"cannot be read: {text.strip().rstrip('.')}"


@dataclass(frozen=True)
class _Opened:
    """A decoded file."""

    image: Image.Image
    layout: str  # Pillow's name for the pixels' layout in the file, such as "L;4"
    orientation: int  # EXIF's, 1 to 8
    is_upright: bool  # whether Pillow has applied the orientation, as it does for TIFF
    head: bytes


def _identify(path: Path) -> tuple[ImageFile.ImageFile, bytes]:
    """Read the header of an image; also return the first bytes of the file."""
    with _require_file(path).open("rb") as file:
        head = file.read(_HEAD)
    with silence_warnings():
        try:
            return Image.open(path, formats=formats_of(path, head)), head
        except UnidentifiedImageError:
            if is_heif(head):
                raise ImageError(f"{printable(path)}: is HEIC; {NEEDS_HEIF}.") from None
            raise


def _open(path: Path) -> _Opened:
    image, head = _identify(path)
    with image:
        _require_room(path, image)
        arguments = image.tile[0].args if image.tile else None
        turns_itself = image.format == "TIFF"
        orientation = _orientation(image) if turns_itself else 1
        image.load()
    layout = arguments[0] if isinstance(arguments, tuple) else arguments
    return _Opened(image, str(layout), orientation if turns_itself else _orientation(image), turns_itself, head)


def _open_mask(path: Path) -> _Opened:
    opened = _open(path)
    kind = lossy_kind(opened.image.format, opened.image.info.get("compression"), opened.head)
    if kind:
        raise ImageError(
            f"{printable(path)}: is {kind}, which changes the values of a mask; expected a lossless kind such as PNG."
        )
    return opened


@contextmanager
def silence_warnings() -> Iterator[None]:
    """Silence a library's warnings, such as Pillow's about odd metadata: a file is good, or an error.

    Warning filters belong to the whole process, so threads must not change them at the same time.
    """
    with _WARNING_FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _orientation(image: Image.Image) -> int:
    with silence_warnings():
        try:
            orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
        except Exception:  # damaged metadata says nothing about the orientation, and the pixels are good
            return 1
    return orientation if orientation in _UPRIGHT else 1


def _turn(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _opaque_rgb(path: Path, image: Image.Image) -> NDArray[np.uint8]:
    if image.mode not in {"1", "L", "P", "RGB", "RGBA", "LA", "PA"}:
        raise ImageError(f"{printable(path)}: a mask must hold class indices or 8-bit colours; this is {image.mode}.")
    pixels = np.asarray(image.convert("RGBA"))
    n_transparent = int((pixels[..., 3] != 255).sum())
    if n_transparent:
        raise ImageError(
            f"{printable(path)}: a mask must hold class indices, grey or palette; {n_transparent} of its pixels"
            " are transparent."
        )
    return pixels[..., :3]


def _grey_of(path: Path, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = rgb[..., 0]
    n_coloured = int((rgb != grey[..., None]).any(axis=2).sum())
    if n_coloured:
        raise ImageError(
            f"{printable(path)}: a mask must hold class indices, grey or palette; {n_coloured} of its pixels are"
            " coloured. DATASET.PALETTE can name a file that says which colour is which class."
        )
    return grey


def _require_file(path: Path) -> Path:
    if not stat.S_ISREG(path.stat().st_mode):
        raise ImageError(f"{printable(path)}: is not a file.")  # to open a named pipe could block forever
    return path


def _require_room(path: Path, image: Image.Image) -> None:
    """Refuse what cannot be decoded before memory is taken for it: sizes in a damaged header, and giants."""
    n_pixels, n_bytes = image.width * image.height, path.stat().st_size
    if n_pixels > _PIXELS_PER_BYTE * n_bytes:
        raise ValueError(
            f"its header says {image.width}x{image.height} pixels, which {n_bytes:,} bytes cannot hold; it is damaged"
        )
    needed, available = _BYTES_PER_PIXEL * n_pixels, psutil.virtual_memory().available
    if needed > available:
        raise ValueError(
            f"its {image.width}x{image.height} pixels take {needed / 2**30:.1f} GiB of memory, but"
            f" {available / 2**30:.1f} GiB are free; save it as a tiled TIFF, which is read part by part"
        )


def _read_plain_tiff(path: Path, reading: Reading) -> OrientedImage | None:
    """Read a TIFF by its bands; None if it is of a kind, or compressed in a way, that Pillow shall decode."""
    if not is_tiff(_require_file(path)):
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
        opened = _open(path)
        upright = opened.image if opened.is_upright else _turn(opened.image, opened.orientation)
        bands = np.atleast_3d(np.asarray(upright))
        tiff.rendering.require_plausible(bands)
        return OrientedImage(tiff.rendering.render(bands), opened.orientation)
    return OrientedImage(np.array(_turn(stored, tiff.orientation)), tiff.orientation)
