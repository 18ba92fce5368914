"""Label an image of any size by windows, in memory that does not grow with its height.

The network's logits of a window are small. Those of the window rows that still matter are kept; the logits of pixels
exist for a block at a time. Along both axes a block's logits are a linear map of those of the windows: enlarged
bilinearly, weighed, and added up.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplab.images.source import ImageSource
from deeplab.inference.label_maps import combine, rows_at_once
from deeplab.inference.network import Network, Views, are_finite, no_numbers
from deeplab.inference.prediction import gather
from deeplab.inference.windows import Axis, Blend, blend_matrix, cells
from deeplab.schema import Inference

_KEPT_BYTES = 2**29  # of logits that are kept at a time, if a row of windows needs no more by itself
_AT_ONCE_GPU = 8  # windows per forward pass; a processor is as fast with one

Span = tuple[int, int]  # pixels along a side: first and last + 1


class SlidePrediction:
    """Of an image that the network sees window by window; it runs when labels or logits are asked for.

    Args:
        network: runs on the windows, under each view.
        source: the image; windows are read when they are needed.
        inference: WINDOW, STRIDE and BLEND are read.
        precision: of the network, for the error.
        tick: called between rows of windows; may raise to stop.
    """

    def __init__(
        self, network: Network, source: ImageSource, inference: Inference, precision: str, tick: Callable[[], None]
    ) -> None:
        self._network = network
        self._source = source
        self._blend: Blend = inference.BLEND
        self._n_views = len(inference.SCALES) * (2 if inference.FLIP else 1)
        self._precision = precision
        self._tick = tick
        self._rows = Axis.cut(source.height, inference.WINDOW, inference.stride)
        self._columns = Axis.cut(source.width, inference.WINDOW, inference.stride)
        self._finite = torch.ones((), dtype=torch.bool)

    def labels(self) -> Tensor:
        """The label map, (H, W) uint8, in the computer's memory.

        Raises:
            LabelError: if a window does not fit into memory, or the network's output is no number.
            ImageError: if a part of the image cannot be decoded.
        """
        label_map = torch.empty((self._source.height, self._source.width), dtype=torch.uint8)
        for rows, columns, scores in self._parts():
            label_map[rows, columns] = scores.max(dim=0).indices.to("cpu", torch.uint8)
        return label_map

    def logits(self) -> Tensor:
        """The blended logits at the size of the image, or those of the views' mean probs. Raises as `labels`."""
        return gather(self._parts(), self._source.height, self._source.width, are_probs=self._n_views > 1)

    def finite(self) -> Tensor:
        """True: windows of which it is not are an error when they are looked at."""
        return self._finite

    def _parts(self) -> Iterator[tuple[slice, slice, Tensor]]:
        """Rows and columns of pixels with their (C, rows, columns): every pixel once."""
        size = self._windows_side_by_side()
        for windows, pixels in self._columns.groups(size):
            kept: dict[int, dict[int, Views]] = {}  # by row and column
            for row, top in enumerate(self._rows.starts):
                self._tick()
                kept = {each: kept[each] for each in kept if self._rows.starts[each] + self._rows.window > top}
                kept[row] = self._look(top, windows)
                for part in self._cells(row, pixels):
                    yield from self._label(kept, *part)

    def _windows_side_by_side(self) -> int:
        """How many windows of a row may be kept; where a row has more, those at a seam are looked at twice."""
        pixels = self._source.read(0, 0, self._rows.window, self._columns.window)
        (self._first,) = self._network.look(_contiguous([pixels]))
        n_bytes = sum(each.nelement() * each.element_size() for each in self._first)
        n_rows = max(len(self._rows.covering(start, start + 1)) for start in self._rows.starts)
        return max(1, _KEPT_BYTES // (n_bytes * n_rows))

    def _look(self, top: int, windows: range) -> dict[int, Views]:
        """The network's logits of the windows of a row, by column."""
        starts = self._columns.starts
        left, side = starts[windows.start], self._columns.window
        band = self._source.read(top, left, self._rows.window, starts[windows.stop - 1] + side - left)
        pixels = [band[:, starts[each] - left : starts[each] - left + side] for each in windows]
        at_once = _AT_ONCE_GPU if self._network.device.type == "cuda" else 1
        looked: list[Views] = [self._first] if top == left == 0 else []
        for first in range(len(looked), len(pixels), at_once):
            looked += self._network.look(_contiguous(pixels[first : first + at_once]))
        if not bool(torch.stack([are_finite(each) for each in looked]).all()):
            raise no_numbers(self._precision)
        return dict(zip(windows, looked, strict=True))

    def _cells(self, row: int, pixels: Span) -> Iterator[tuple[Span, Span]]:
        """Cut what this row of windows completes where windows begin and end: in a cell the same ones overlap."""
        cuts_down, cuts_across = _borders(self._rows), _borders(self._columns)
        for down in cells(*self._rows.completed_by(row), cuts_down):
            for across in cells(*pixels, cuts_across):
                yield down, across

    def _label(
        self, kept: dict[int, dict[int, Views]], down: Span, across: Span
    ) -> Iterator[tuple[slice, slice, Tensor]]:
        """Blend the windows of a cell, a strip of rows at a time."""
        rows = self._rows.covering(*down)
        combined = [[self._across(kept[row], across, view) for row in rows] for view in range(self._n_views)]
        n_rows = rows_at_once(combined[0][0], across[1] - across[0])
        for top in range(down[0], down[1], n_rows):
            strip = (top, min(top + n_rows, down[1]))
            views = [self._down(rows, each, strip) for each in combined]
            yield slice(*strip), slice(*across), combine(views)

    def _across(self, row: dict[int, Views], across: Span, view: int) -> Tensor:
        """Blend the windows of a row from left to right: (C, h, columns)."""
        return _add_up(
            logits[:, :, begin:end] @ matrix.T
            for column in self._columns.covering(*across)
            for logits in (row[column][view],)
            for begin, end, matrix in (self._matrix(self._columns, column, logits.shape[2], across),)
        )

    def _down(self, rows: range, combined: Sequence[Tensor], strip: Span) -> Tensor:
        """Blend rows of windows, each blended from left to right: (C, rows, columns)."""
        return _add_up(
            matrix @ logits[:, begin:end]
            for row, logits in zip(rows, combined, strict=True)
            for begin, end, matrix in (self._matrix(self._rows, row, logits.shape[1], strip),)
        )

    def _matrix(self, axis: Axis, number: int, n_logits: int, pixels: Span) -> tuple[int, int, Tensor]:
        return _matrix_on(self._network.device, axis, number, n_logits, self._blend, pixels)


@lru_cache(maxsize=4096)  # the same along all rows of windows
def _matrix_on(
    device: torch.device, axis: Axis, number: int, n_logits: int, blend: Blend, pixels: Span
) -> tuple[int, int, Tensor]:
    part = blend_matrix(axis, number, n_logits, blend, pixels)
    return part.begin, part.end, torch.from_numpy(part.matrix).to(device)


def _borders(axis: Axis) -> list[int]:
    return [border for start in axis.starts for border in (start, start + axis.window)]


def _add_up(parts: Iterator[Tensor]) -> Tensor:
    total = next(parts)
    for part in parts:
        total = total + part
    return total


def _contiguous(pixels: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    return [np.ascontiguousarray(each) for each in pixels]
