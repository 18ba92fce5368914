"""The layers of one image: what can be shown over one another, each made of files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2s
from pathlib import Path

import numpy as np

from deeplab import remote
from deeplab.datasets.sample import Sample, warp
from deeplab.errors import ImageError
from deeplab.files import printable
from deeplab.images.files import image_size, read_image, upright_size
from deeplab.images.raster import LoadedRaster, Raster
from deeplab.images.strips import open_image_strips, open_label_strips, pixels_at_once
from web.results.images import too_large
from web.results.viewer.image_files import ImageFiles
from web.results.viewer.pyramids import COLOURS, VALUES, Form

_FORMAT = "1"  # of the tiles; another one makes all of them anew
_MOST_AT_ONCE = 2**27  # pixels in memory: every one of an image is looked at here, though of one image at a time


@dataclass(frozen=True)
class Layer:
    """A layer that can be shown."""

    name: str
    form: Form
    files: tuple[Path, ...]  # what it is made of
    parameters: str  # what else decides about its pixels
    size: tuple[int, int]  # height and width
    open: Callable[[], Raster]  # raises ImageError or DatasetError

    @property
    def n_pixels(self) -> int:
        """How many pixels it has."""
        return self.size[0] * self.size[1]

    @cached_property
    def version(self) -> str:
        """Stands for these pixels: it changes with the files. Raises ImageError if one is gone."""
        stamps = [f"{path}\0{_stamp(path)}" for path in self.files]
        text = "\0".join((_FORMAT, self.name, self.parameters, *stamps))
        return blake2s(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def find_layer(files: ImageFiles, name: str) -> Layer | None:
    """Find a layer of an image by its name, one of NAMES; None if it was never made.

    Raises:
        ImageError: if its file is gone or damaged.
    """
    return _FINDERS[name](files)


def _image(files: ImageFiles) -> Layer:
    path = files.image
    if path is None:
        raise ImageError(files.problem)
    side = files.warp_side
    size = upright_size(path) if side is None else (side, side)

    def read() -> Raster:
        if side is None:
            _require_bearable(path, size, pixels_at_once(path, files.reading))
            return open_image_strips(path, files.reading)
        stored = image_size(path)
        _require_bearable(path, stored, stored[0] * stored[1])
        pixels = read_image(path, files.reading)
        unlabelled = np.zeros(pixels.shape[:2], np.uint8)
        return LoadedRaster(warp(Sample("", pixels, unlabelled), side).byte_image)

    return Layer("image", COLOURS, (path,), f"{files.reading} {side}", size, read)


def _truth(files: ImageFiles) -> Layer | None:
    truth = files.truth
    if truth is None or files.image is None:
        return None
    side = files.warp_side
    size = upright_size(files.image) if side is None else (side, side)

    def read() -> Raster:
        _require_bearable(truth.path, size, size[0] * size[1])
        return LoadedRaster(truth.read().label_map)

    parameters = f"{files.reading} {side} {truth.parameters}"
    return Layer("truth", VALUES, (files.image, truth.path), parameters, size, read)


def _values(name: str, path: Path | None) -> Layer | None:
    if path is None or not remote.is_file(path):
        return None
    size = image_size(path)

    def read() -> Raster:
        _require_bearable(path, size, pixels_at_once(path))
        return open_label_strips(path)

    return Layer(name, VALUES, (path,), "", size, read)


_FINDERS: Mapping[str, Callable[[ImageFiles], Layer | None]] = {
    "image": _image,
    "truth": _truth,
    "labels": lambda files: _values("labels", files.labels),
    "confidence": lambda files: _values("confidence", files.confidence),
    "refined": lambda files: None if files.refined is None else _values("refined", files.refined),
}
NAMES = tuple(_FINDERS)


def _require_bearable(path: Path, size: tuple[int, int], at_once: int) -> None:
    if at_once > _MOST_AT_ONCE:
        raise too_large(path, size, "a tiled TIFF is read in parts")


def _stamp(path: Path) -> str:
    try:
        status = remote.fetch(path).stat()
    except OSError as error:
        raise ImageError(f"{printable(path)}: the file is gone.") from error
    return f"{status.st_mtime_ns} {status.st_size}"
