"""Decode, segment and write images at the same time."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import remote
from deeplab.bounded_map import bounded_map
from deeplab.errors import ImageError, LabelError, OutputError
from deeplab.files import make_folder, name_is_too_long, printable, replace_file
from deeplab.images.bands import Reading
from deeplab.images.files import image_size, open_image, read_image
from deeplab.images.grey import write_grey
from deeplab.images.masks import write_mask
from deeplab.images.overlay import draw_overlay, draw_small_overlay
from deeplab.images.resize import shrink_longer_side
from deeplab.images.tiff import read_georeference, write_geotiff_mask
from deeplab.inference.label_maps import count_classes
from deeplab.inference.manifest import Row
from deeplab.inference.output import confidence_path, find_mask, geotiff_mask_path, mask_path, overlay_path
from deeplab.inference.segmenter import Segmenter
from deeplab.reporter import Stopped
from deeplab.scores.certainty import CertaintyCount, certainty_of

_THREADS = 4  # that decode and write while the model computes
_LARGE_PIXELS = 2**24  # images of more are in memory one at a time
_PIXELS_IN_FLIGHT = 2**26  # of the others, at each of these: decoded ahead, waiting for their size, being written
_OVERLAY_SIDE = 8192  # pixels: the longer side of the overlay of such an image, at most
_JPEG_LIMIT = 65500  # pixels per side


@dataclass(frozen=True)
class _Measured:
    """An image of which the header was read."""

    item: str
    height: int  # as it is stored
    width: int
    seconds: float  # of work so far

    @property
    def pixels(self) -> int:
        """How many it has."""
        return self.height * self.width


@dataclass(frozen=True)
class _Decoded:
    """An image on its way through the pipeline."""

    item: str
    image: NDArray[np.uint8]  # (H, W, 3) RGB
    seconds: float  # of work so far


@dataclass(frozen=True)
class _Large:
    """An image that is decoded when it is segmented, because several of its size would fill the memory."""

    item: str
    height: int  # as it is stored
    width: int


@dataclass(frozen=True)
class _Segmented:
    """An image and its label map."""

    decoded: _Decoded
    label_map: NDArray[np.uint8]
    certainty: CertaintyCount | None


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
    confidence: bool = False  # also write maps of confidence, and note means of it in the rows

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
            depth = _THREADS + self.batch_size
            measured = bounded_map(pool, self._measure, items, depth)
            decoded = bounded_map(pool, self._decode, measured, depth, weigh=_weight, budget=_PIXELS_IN_FLIGHT)
            segmented = self._segment(decoded, should_stop, tick)
            depth = 1 + self.batch_size
            yield from bounded_map(pool, self._write, segmented, depth, weigh=_weight, budget=_PIXELS_IN_FLIGHT)

    def is_complete(self, row: Row) -> bool:
        """Whether all files of an image that was segmented are still there, and its row has all that is asked for."""
        files = [find_mask(self.output_dir, row.path)]
        if self.overlays:
            files.append(overlay_path(self.output_dir, row.path))
        if self.confidence:
            files.append(confidence_path(self.output_dir, row.path))
        return all(remote.is_file(path) for path in files) and (row.certainty is not None or not self.confidence)

    @cached_property
    def _reading(self) -> Reading:
        return Reading.of(self.segmenter.config.IMAGE)

    def _measure(self, item: str) -> _Measured | Row:
        start, path = time.monotonic(), self.input_dir / item
        try:
            height, width = image_size(path)
            if height * width > (most := self.segmenter.config.IMAGE.MAX_PIXELS):
                raise ImageError(
                    f"{printable(path)}: has {width}x{height} pixels, more than IMAGE.MAX_PIXELS, which is {most:,}."
                )
        except ImageError as error:
            return Row(item, None, None, "error", str(error), time.monotonic() - start, {})
        return _Measured(item, height, width, time.monotonic() - start)

    def _decode(self, measured: _Measured | Row) -> _Decoded | _Large | Row:
        if isinstance(measured, Row):
            return measured
        start, item = time.monotonic() - measured.seconds, measured.item
        if measured.pixels > _LARGE_PIXELS:
            return _Large(item, measured.height, measured.width)
        try:
            image = read_image(self.input_dir / item, self._reading)
        except ImageError as error:
            return Row(item, None, None, "error", str(error), time.monotonic() - start, {})
        return _Decoded(item, image, time.monotonic() - start)

    def _segment(
        self, decoded: Iterable[_Decoded | _Large | Row], should_stop: Callable[[], bool], tick: Callable[[], None]
    ) -> Iterator[_Segmented | Row]:
        for group in _groups(decoded, self.batch_size):
            if should_stop():
                return
            if isinstance(group, Row):
                yield group
                continue
            if isinstance(group, _Large):
                try:
                    yield self._segment_large(group, tick)
                except Stopped:
                    return
                continue
            start = time.monotonic()
            counts = [self._certainty_of(*each.image.shape[:2]) for each in group]
            results = self.segmenter.label([each.image for each in group], counts)
            share = (time.monotonic() - start) / len(group)
            for each, result, certainty in zip(group, results, counts, strict=True):
                if isinstance(result, LabelError):
                    yield self._failed(each, result, share)
                else:
                    yield _Segmented(replace(each, seconds=each.seconds + share), result, certainty)

    def _certainty_of(self, height: int, width: int) -> CertaintyCount | None:
        n_classes = self.segmenter.config.DATASET.N_CLASSES
        return CertaintyCount.unlabelled(n_classes, height, width, keeps_map=True) if self.confidence else None

    def _segment_large(self, large: _Large, tick: Callable[[], None]) -> Row:
        """Segment and write one image, part by part where its file and INFERENCE.MODE allow it."""
        start, item, path = time.monotonic(), large.item, self.input_dir / large.item
        colours = self.segmenter.class_colours
        height, width = large.height, large.width
        try:
            source = open_image(path, self._reading)
            height, width = source.height, source.width
            certainty = self._certainty_of(height, width)
            label_map = self.segmenter.label_source(source, tick, certainty)
            error = self._save(
                item, label_map, certainty, lambda: draw_small_overlay(source, label_map, colours, _OVERLAY_SIDE)
            )
        except ImageError as failure:
            return Row(item, None, None, "error", str(failure), time.monotonic() - start, {})
        except LabelError as failure:
            error = f"{printable(path)}: {failure}"
        seconds = time.monotonic() - start
        if error:
            return Row(item, width, height, "error", error, seconds, {})
        return _row_of(item, label_map, seconds, certainty)

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
        image, colours = result.decoded.image, self.segmenter.class_colours
        error = self._save(item, label_map, result.certainty, lambda: draw_overlay(image, label_map, colours))
        seconds = result.decoded.seconds + time.monotonic() - start
        if error:
            return Row(item, width, height, "error", error, seconds, {})
        return _row_of(item, label_map, seconds, result.certainty)

    def _save(
        self,
        item: str,
        label_map: NDArray[np.uint8],
        certainty: CertaintyCount | None,
        overlay: Callable[[], NDArray[np.uint8]],
    ) -> str:
        """Write the files of an image; the reason why it has none, or nothing.

        Raises:
            OutputError: if the files of no image could be written, as on a full disk.
        """
        try:
            georeference = read_georeference(self.input_dir / item)
            if georeference:
                write_geotiff_mask(geotiff_mask_path(self.output_dir, item), label_map, georeference)
            else:
                write_mask(mask_path(self.output_dir, item), label_map)
            if certainty is not None:
                write_grey(confidence_path(self.output_dir, item), certainty.confidence().cpu().numpy())
            if self.overlays:
                _write_overlay(overlay_path(self.output_dir, item), overlay())
        except OutputError as error:
            if not name_is_too_long(error):
                raise
            return str(error)
        return ""


def _row_of(item: str, label_map: NDArray[np.uint8], seconds: float, certainty: CertaintyCount | None) -> Row:
    (height, width), pixels = label_map.shape, count_classes(label_map)
    means = None if certainty is None else certainty_of(certainty.sums().cpu().numpy(), pixels)
    return Row(item, width, height, "ok", "", seconds, pixels, certainty=means)


def _weight(each: _Measured | _Segmented | Row) -> int:
    """The pixels that an image has in memory on its way through a stage."""
    if isinstance(each, _Measured):
        return each.pixels if each.pixels <= _LARGE_PIXELS else 0
    return 0 if isinstance(each, Row) else each.label_map.size


def _groups(decoded: Iterable[_Decoded | _Large | Row], size: int) -> Iterator[list[_Decoded] | _Large | Row]:
    """Gather images of equal size; at most twice `size` of them, of not too many pixels, wait for others like them."""
    waiting: dict[tuple[int, ...], list[_Decoded]] = defaultdict(list)
    for each in decoded:
        if isinstance(each, Row | _Large):
            yield each
            continue
        shape = each.image.shape
        waiting[shape].append(each)
        if len(waiting[shape]) == size:
            yield waiting.pop(shape)
        elif sum(map(len, waiting.values())) == 2 * size or _pixels(waiting) > _PIXELS_IN_FLIGHT:
            yield waiting.pop(next(iter(waiting)))  # the size that has waited longest
    yield from waiting.values()


def _pixels(waiting: Mapping[tuple[int, ...], list[_Decoded]]) -> int:
    return sum(height * width * len(images) for (height, width, _), images in waiting.items())


def _write_overlay(path: Path, blend: NDArray[np.uint8]) -> None:
    make_folder(path.parent)
    with replace_file(path) as file:
        Image.fromarray(shrink_longer_side(blend, _JPEG_LIMIT)).save(file, format="JPEG", quality=90)
