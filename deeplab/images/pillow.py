"""Decode image files with Pillow. Torch-free."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageFile, UnidentifiedImageError

from deeplab.errors import ImageError
from deeplab.files import printable
from deeplab.images.decoding import decoding, require_file
from deeplab.images.kinds import NEEDS_HEIF, formats_of, is_heif
from deeplab.images.png import require_intact
from deeplab.memory import available_memory

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
# Pillow's own limit is about attacks with small files; honest images of maps and microscopes are larger.
Image.MAX_IMAGE_PIXELS = None
_PIXELS_PER_BYTE = 2**17  # of a file: no compression that is read here comes near
_BYTES_PER_PIXEL = {
    "JPEG2000": 24,
    "AVIF": 16,
    "HEIF": 16,
    "WEBP": 12,
}  # while one is decoded, by the decoders that take more
_USUAL_BYTES = 8  # per pixel: as stored, as RGB, and upright
_WARNING_FILTERS = threading.Lock()
_HEAD = 4096  # bytes that tell the kind of a file; a WebP file's colour profile may come before its pixels


@dataclass(frozen=True)
class Decoded:
    """A decoded file."""

    image: Image.Image
    layout: str  # Pillow's name for the pixels' layout in the file, such as "L;4"
    orientation: int  # EXIF's, 1 to 8
    is_upright: bool  # whether Pillow has applied the orientation, as it does for TIFF
    head: bytes  # the first bytes of the file

    def upright(self) -> Image.Image:
        """The image as people see it."""
        return self.image if self.is_upright else turn(self.image, self.orientation)


def with_pillow(path: Path) -> AbstractContextManager[None]:
    """Turn whatever Pillow raises inside the block into an ImageError."""
    return decoding(path, lambda path, error: ImageError(f"{printable(path)}: {_reason(error)}."))


def identify(path: Path) -> tuple[ImageFile.ImageFile, bytes]:
    """Read the header of an image; also return the first bytes of the file."""
    with require_file(path).open("rb") as file:
        head = file.read(_HEAD)
    with silence_warnings():
        try:
            return Image.open(path, formats=formats_of(path, head)), head
        except UnidentifiedImageError:
            if is_heif(head):
                raise ImageError(f"{printable(path)}: is HEIC; {NEEDS_HEIF}.") from None
            raise


def decode(path: Path, least_side: int | None = None) -> Decoded:
    """Decode a file. Raises ImageError for some faults, and whatever Pillow raises for others: see `with_pillow`.

    Args:
        path: of the file.
        least_side: pixels; a JPEG whose sides are longer may come smaller, which takes less time and memory, as long
            as both stay so long.
    """
    image, head = identify(path)
    with image:
        if least_side is not None:
            image.draft(None, (least_side, least_side))
        _require_room(path, image)
        layout = layout_of(image)
        turns_itself = image.format == "TIFF"
        orientation = orientation_of(image) if turns_itself else 1
        if image.format == "PNG":
            require_intact(path)
        image.load()
    return Decoded(image, layout, orientation if turns_itself else orientation_of(image), turns_itself, head)


def layout_of(image: ImageFile.ImageFile) -> str:
    """Pillow's name for how the pixels of an opened image lie in its file, such as "L;4"."""
    arguments = image.tile[0].args if image.tile else None
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def turn(image: Image.Image, orientation: int) -> Image.Image:
    """Turn an image upright, given its EXIF orientation."""
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def orientation_of(image: Image.Image) -> int:
    """EXIF's orientation of an opened image, 1 to 8; a PNG is decoded for that (see `png_metadata`)."""
    with silence_warnings():
        try:
            orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
        except Exception:  # damaged metadata says nothing about the orientation, and the pixels are good
            return 1
    return orientation if orientation in _UPRIGHT else 1


@contextmanager
def silence_warnings() -> Iterator[None]:
    """Silence a library's warnings, such as Pillow's about odd metadata: a file is good, or an error.

    Warning filters belong to the whole process, so threads must not change them at the same time.
    """
    with _WARNING_FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file does not exist"
    if isinstance(error, UnidentifiedImageError):
        return "is not an image in a supported format (JPEG, PNG, BMP, TIFF, WebP, GIF and others)"
    if isinstance(error, MemoryError):
        return "does not fit into memory"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
    return f"cannot be read: {text.strip().rstrip('.')}"


def _require_room(path: Path, image: Image.Image) -> None:
    """Refuse what cannot be decoded before memory is taken for it: sizes in a damaged header, and giants."""
    n_pixels, n_bytes = image.width * image.height, path.stat().st_size
    if n_pixels > _PIXELS_PER_BYTE * n_bytes:
        raise ValueError(
            f"its header says {image.width}x{image.height} pixels, which {n_bytes:,} bytes cannot hold; it is damaged"
        )
    needed, available = _BYTES_PER_PIXEL.get(image.format or "", _USUAL_BYTES) * n_pixels, available_memory()
    if needed > available:
        raise ValueError(
            f"its {image.width}x{image.height} pixels take {needed / 2**30:.1f} GiB of memory, but"
            f" {available / 2**30:.1f} GiB are free; save it as a tiled TIFF, which is read part by part"
        )
