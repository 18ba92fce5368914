"""Images and masks of jobs, scaled down to what a page needs."""

import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from flask import Response, abort, request
from numpy.typing import NDArray
from PIL import Image

from deeplab import remote
from deeplab.errors import ImageError
from deeplab.files import printable
from deeplab.formats import dimensions
from deeplab.images.bands import Reading
from deeplab.images.files import image_size
from deeplab.images.palette import Colours
from deeplab.images.raster import LoadedRaster
from deeplab.images.strips import open_image_strips, open_label_strips, pixels_at_once, shrink
from web.access.delivery import needs_body
from web.context import current_settings
from web.results import thumbnails

SIDES = (480, 1024, 2048)  # pixels: the sizes in which images are sent; the first is that of the gallery
_MOST_PIXELS = 2**28  # of an image that is made smaller: a few seconds of work
_MOST_AT_ONCE = 2**26  # of them in memory, 4 bytes each


def inside(folder: Path, item: str) -> Path:
    """Find the file of an item of a manifest.

    Raises:
        NotFound: if the item would lead out of the folder; manifests never contain such items.
    """
    path = PurePosixPath(item)
    if path.is_absolute() or ".." in path.parts:
        abort(404)
    return folder / path


def send_image(path: Path, reading: Reading) -> Response:
    """Send an image as a JPEG of about ?size= pixels a side, one of SIDES; its job read it as `reading` says.

    Raises:
        ImageError: if it cannot be decoded.
        NotFound: if there is no such file.
    """
    return _send(path, "image/jpeg", partial(_encode_image, reading), f"{reading}")


def send_mask(path: Path, colours: Colours) -> Response:
    """Send a mask as an indexed PNG of about ?size= pixels a side, one of SIDES, in the colours of its classes.

    Raises:
        ImageError: if it cannot be decoded.
        NotFound: if there is no such file.
    """
    return _send(path, "image/png", partial(_encode_mask, colours), f"mask {colours.tobytes().hex()}")


def send_truth(
    files: Sequence[Path],
    parameters: str,
    read: Callable[[], NDArray[np.uint8]],
    colours: NDArray[np.uint8],
    ignore: int,
) -> Response:
    """Send a ground truth as `send_mask` sends masks, whatever its files are; what is ignored is transparent.

    Args:
        files: that it is made of, the one that holds it last.
        parameters: what else decides about its pixels.
        read: reads it, (H, W).
        colours: (256, 3) RGB, of the classes.
        ignore: the value of pixels without a class.

    Raises:
        ImageError, DatasetError: if it cannot be read.
        NotFound: if a file is gone.
    """
    how = [*(f"{path} {_stamp_of(path)}" for path in files[:-1]), parameters, colours.tobytes().hex(), str(ignore)]

    def encode(_: Path, side: int) -> bytes:
        image = shrink(LoadedRaster(read()), side, blend=False)
        image.putpalette(colours.tobytes())
        return _encode(image, "PNG", transparency=ignore)

    return _send(files[-1], "image/png", encode, "\0".join(how))


def _send(path: Path, mimetype: str, encode: Callable[[Path, int], bytes], how: str) -> Response:
    """Encode the file unless the browser has it, or asks about it alone: the ETag says which picture it would be."""
    side = fitting_side(request.args.get("size", SIDES[-1], int))
    picture = thumbnails.name_of(path, *_stamp_of(path), side, how)
    response = Response(mimetype=mimetype)
    response.set_etag(picture)
    response.cache_control.private = True
    response.cache_control.no_cache = True  # the browser asks every time; mostly the answer is 304
    if needs_body(response):
        response.set_data(thumbnails.load_or_make(current_settings(), picture, partial(encode, path, side)))
    return response


def _stamp_of(path: Path) -> tuple[int, int]:
    """When a file was modified, in nanoseconds, and its bytes. Raises NotFound if it is gone."""
    try:
        status = remote.fetch(path).stat()
    except OSError:
        abort(404, "The file no longer exists.")
    return status.st_mtime_ns, status.st_size


def fitting_side(wanted: int) -> int:
    """The least of SIDES that is enough for as many pixels, or else the largest."""
    return next((side for side in SIDES if side >= wanted), SIDES[-1])


def _encode_image(reading: Reading, path: Path, side: int) -> bytes:
    _require_bearable(path, pixels_at_once(path, reading, side))
    image = shrink(open_image_strips(path, reading, side), side, blend=True)
    return _encode(image, "JPEG", quality=85)


def too_large(path: Path, size: tuple[int, int], advice: str) -> ImageError:
    """The error of a file whose (height, width) are too much for a web server."""
    return ImageError(f"{printable(path)}: has {dimensions(size)} pixels, too many to show here; {advice}.")


def _require_bearable(path: Path, at_once: int) -> None:
    height, width = image_size(path)
    if height * width > _MOST_PIXELS or at_once > _MOST_AT_ONCE:
        raise too_large(path, (height, width), "download it")


def _encode_mask(colours: Colours, path: Path, side: int) -> bytes:
    _require_bearable(path, pixels_at_once(path))
    image = shrink(open_label_strips(path), side, blend=False)  # class indices cannot be blended
    image.putpalette(colours.tobytes())
    return _encode(image, "PNG")


def _encode(image: Image.Image, kind: str, **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, format=kind, **options)
    return file.getvalue()
