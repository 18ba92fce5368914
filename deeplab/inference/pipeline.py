"""Decode, segment and write images at the same time."""

import errno
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab.bounded_map import bounded_map
from deeplab.errors import ImageError, LabelError, OutputError
from deeplab.files import make_folder, printable, replace_file
from deeplab.images.files import read_image, write_mask
from deeplab.images.overlay import draw_overlay
from deeplab.images.resize import shrink_longer_side
from deeplab.inference.label_maps import count_classes
from deeplab.inference.manifest import Row
from deeplab.inference.output import mask_path, overlay_path
from deeplab.inference.segmenter import Segmenter

_THREADS = 4  # that decode and write while the model computes
_JPEG_LIMIT = 65500  # pixels per side


@dataclass(frozen=True)
class _Decoded:
    """An image on its way through the pipeline."""

    item: str
    image: NDArray[np.uint8]  # (H, W, 3) RGB
    seconds: float  # of work so far


@dataclass(frozen=True)
class _Segmented:
    """An image and its label map."""

    decoded: _Decoded
    label_map: NDArray[np.uint8]


@dataclass(frozen=True)
class Pipeline:
    """Turns images into masks and overlays on disk and rows; each stage takes what the one before it yields.

    An image that failed passes through the later stages as its row.
    """

    segmenter: Segmenter
    input_dir: Path
    output_dir: Path
    overlays: bool
    batch_size: int  # images of equal size per forward pass

    def rows(
        self, items: Iterable[str], should_stop: Callable[[], bool], tick: Callable[[], None] = lambda: None
    ) -> Iterator[Row]:
        """Segment images and yield a row for each, errors included, once its files are on disk.

        Args:
            items: paths relative to the input folder.
            should_stop: asked before each batch; what is segmented is still written.
            tick: called now and then while a large image is segmented; may raise Stopped, which ends that image too.

        Raises:
            OutputError: if files cannot be written at all, as on a full disk.
        """
        with ThreadPoolExecutor(_THREADS) as pool:
            decoded = bounded_map(pool, self._decode, items, depth=_THREADS + self.batch_size)
            segmented = self._segment(decoded, should_stop, tick)
            yield from bounded_map(pool, self._write, segmented, depth=1 + self.batch_size)

    def _decode(self, item: str) -> _Decoded | Row:
        start = time.monotonic()
        try:
            image = read_image(self.input_dir / item)
        except ImageError as error:
            return Row(item, None, None, "error", str(error), time.monotonic() - start, {})
        return _Decoded(item, image, time.monotonic() - start)

    def _segment(
        self, decoded: Iterable[_Decoded | Row], should_stop: Callable[[], bool], tick: Callable[[], None]
    ) -> Iterator[_Segmented | Row]:
        for group in _groups(decoded, self.batch_size):
            if should_stop():
                return
            if isinstance(group, Row):
                yield group
                continue
            start = time.monotonic()
            results = self.segmenter.label([each.image for each in group])
            share = (time.monotonic() - start) / len(group)
            for each, result in zip(group, results, strict=True):
                if isinstance(result, LabelError):
                    yield self._failed(each, result, share)
                else:
                    yield _Segmented(replace(each, seconds=each.seconds + share), result)

    def _failed(self, decoded: _Decoded, error: LabelError, seconds: float) -> Row:
        height, width = decoded.image.shape[:2]
        reason = f"{printable(self.input_dir / decoded.item)}: {error}"
        return Row(decoded.item, width, height, "error", reason, decoded.seconds + seconds, {})

    def _write(self, result: _Segmented | Row) -> Row:
        if isinstance(result, Row):
            return result
        start = time.monotonic()
        item, label_map = result.decoded.item, result.label_map
        height, width = label_map.shape
        try:
            write_mask(mask_path(self.output_dir, item), label_map)
            if self.overlays:
                _write_overlay(overlay_path(self.output_dir, item), result.decoded.image, label_map)
        except OutputError as error:
            if not _name_is_too_long(error):
                raise  # a full disk or a missing permission would fail every other image too
            return Row(item, width, height, "error", str(error), result.decoded.seconds, {})
        seconds = result.decoded.seconds + time.monotonic() - start
        return Row(item, width, height, "ok", "", seconds, count_classes(label_map))


def _groups(decoded: Iterable[_Decoded | Row], size: int) -> Iterator[list[_Decoded] | Row]:
    """Gather images of equal size; at most twice `size` of them wait for others of their size."""
    waiting: dict[tuple[int, ...], list[_Decoded]] = defaultdict(list)
    for each in decoded:
        if isinstance(each, Row):
            yield each
            continue
        shape = each.image.shape
        waiting[shape].append(each)
        if len(waiting[shape]) == size:
            yield waiting.pop(shape)
        elif sum(map(len, waiting.values())) == 2 * size:
            yield waiting.pop(next(iter(waiting)))  # the size that has waited longest
    yield from waiting.values()


def _write_overlay(path: Path, image: NDArray[np.uint8], label_map: NDArray[np.uint8]) -> None:
    blend = draw_overlay(image, label_map)
    make_folder(path.parent)
    with replace_file(path) as file:
        Image.fromarray(shrink_longer_side(blend, _JPEG_LIMIT)).save(file, format="JPEG", quality=90)


def _name_is_too_long(error: OutputError) -> bool:
    return isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.ENAMETOOLONG
