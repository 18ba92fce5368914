"""Images and masks of jobs, scaled down to what a page needs."""

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath

from flask import Response, abort, request
from PIL import Image

from deeplab.errors import ImageError
from deeplab.files import printable
from deeplab.formats import dimensions
from deeplab.images.bands import Reading
from deeplab.images.files import image_size, read_image
from deeplab.images.masks import read_mask
from deeplab.images.palette import palette
from web.context import current_settings
from web.results import thumbnails

LARGEST_SIDE = 2048  # pixels
_SMALLEST_SIDE = 16
_MOST_PIXELS = 2**27  # of an image that the web server decodes


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
    """Send an image as a JPEG of at most ?size= pixels a side; its job read it as `reading` says.

    Raises:
        ImageError: if it cannot be decoded.
        NotFound: if there is no such file.
    """
    return _send(path, "image/jpeg", partial(_encode_image, reading), f"{reading}")


def send_mask(path: Path) -> Response:
    """Send a mask as an indexed PNG of at most ?size= pixels a side.

    Raises:
        ImageError: if it cannot be decoded.
        NotFound: if there is no such file.
    """
    return _send(path, "image/png", _encode_mask, "mask")


def _send(path: Path, mimetype: str, encode: Callable[[Path, int], bytes], how: str) -> Response:
    """Encode the file unless the browser has it: the ETag names the file's version and the size."""
    side = min(max(request.args.get("size", LARGEST_SIDE, int), _SMALLEST_SIDE), LARGEST_SIDE)
    try:
        status = path.stat()
    except OSError:
        abort(404, "The file no longer exists.")
    version = f"{status.st_mtime_ns:x}-{status.st_size:x}-{side}"
    response = Response(mimetype=mimetype)
    response.set_etag(version)
    response.cache_control.private = True
    response.cache_control.no_cache = True  # the browser asks every time; mostly the answer is 304
    response.make_conditional(request.environ)
    if response.status_code != 304:
        make = partial(encode, path, side)
        identity = f"{path}\0{version}\0{how}"
        is_kept = side <= thumbnails.LARGEST_SIDE
        response.set_data(thumbnails.load_or_make(current_settings(), identity, make) if is_kept else make())
    return response


def _encode_image(reading: Reading, path: Path, side: int) -> bytes:
    require_bearable(path, image_size(path), "download it")
    image = Image.fromarray(read_image(path, reading))
    image.thumbnail((side, side))
    return _encode(image, "JPEG", quality=85)


def require_bearable(path: Path, size: tuple[int, int], advice: str) -> None:
    """Refuse to decode a file as a whole whose (height, width) are too much for that. Raises ImageError."""
    if size[0] * size[1] > _MOST_PIXELS:
        raise ImageError(f"{printable(path)}: has {dimensions(size)} pixels, too many to show here; {advice}.")


def _encode_mask(path: Path, side: int) -> bytes:
    require_bearable(path, image_size(path), "download it")
    image = Image.fromarray(read_mask(path))
    image.putpalette(palette().tobytes())
    image.thumbnail((side, side), Image.Resampling.NEAREST)  # class indices cannot be blended
    return _encode(image, "PNG")


def _encode(image: Image.Image, kind: str, **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, format=kind, **options)
    return file.getvalue()
