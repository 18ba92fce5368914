"""Label an image of any size by windows, in memory that does not grow with its height.

The model's logits of a window are small. Those of the window rows that still matter are kept; the logits of pixels
exist for a block at a time. Along both axes a block's logits are a linear map of those of the windows: enlarged
bilinearly, weighed, and added up.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplab.images.raster import Raster
from deeplab.inference.label_maps import combine
from deeplab.inference.prediction import gather
from deeplab.inference.prepared_model import PreparedModel, Views, are_finite, no_numbers
from deeplab.inference.windows import Axis, Blend, Upsampling, cells, shares
from deeplab.schema import Inference
from deeplab.scores.certainty import CertaintyCount
from deeplab.scores.strips import rows_at_once

_KEPT_BYTES = 2**29  # of logits that are kept at a time, if a row of windows needs no more by itself
_STRIP_CPU = 2**19  # numbers in a strip of blended logits: so much stays in a CPU's cache
_AT_ONCE_GPU = 8  # windows per forward pass; a CPU is as fast with one

Span = tuple[int, int]  # pixels along a side: first and last + 1


class SlidePrediction:
    """Of an image that the model sees window by window; it runs when labels or logits are asked for.

    Args:
        prepared: the model that runs on the windows, under each view.
        source: the image; windows are read when they are needed.
        inference: WINDOW, STRIDE and BLEND are read.
        precision: of the model, for the error.
        tick: called between rows of windows; may raise to stop.
    """

    def __init__(
        self,
        prepared: PreparedModel,
        source: Raster,
        inference: Inference,
        precision: str,
        tick: Callable[[], None],
    ) -> None:
        self._prepared = prepared
        self._source = source
        self._blend: Blend = inference.BLEND
        self._n_views = len(inference.SCALES) * (2 if inference.FLIP else 1)
        self._precision = precision
        self._tick = tick
        self._rows = Axis.cut(source.height, inference.WINDOW, inference.stride)
        self._columns = Axis.cut(source.width, inference.WINDOW, inference.stride)
        self._strip = None if prepared.device.type == "cuda" else _STRIP_CPU
        self._finite = torch.ones((), dtype=torch.bool)

    def labels(self, certainty: CertaintyCount | None = None) -> Tensor:
        """The label map, (H, W) uint8, in the computer's memory.

        Args:
            certainty: hears of all pixels on the way.

        Raises:
            LabelError: if a window does not fit into memory, or the model's output is no number.
            ImageError: if a part of the image cannot be decoded.
        """
        label_map = torch.empty((self._source.height, self._source.width), dtype=torch.uint8)
        for rows, columns, scores in self._parts():
            best = scores.max(dim=0)
            label_map[rows, columns] = best.indices.to("cpu", torch.uint8)
            if certainty is not None:
                certainty.add(rows, columns, scores, best, are_probs=self._n_views > 1)
        return label_map

    def logits(self) -> Tensor:
        """The blended logits at the size of the image, or those of the views' mean probs. Raises as `labels`."""
        return gather(self._parts(), self._source.height, self._source.width, are_probs=self._n_views > 1)

    def finite(self) -> Tensor:
        """True: windows of which it is not are an error when they are looked at."""
        return self._finite

    def _parts(self) -> Iterator[tuple[slice, slice, Tensor]]:
        """Rows and columns of pixels with their (C, rows, columns): every pixel once."""
        first = self._look_at([self._source.read(0, 0, self._rows.window, self._columns.window)])[0]
        n_rows = max(len(self._rows.covering(start, start + 1)) for start in self._rows.starts)
        n_bytes = n_rows * sum(each.nelement() * each.element_size() for each in first)
        for windows, pixels in self._columns.groups(max(1, _KEPT_BYTES // n_bytes)):
            kept = _Kept(first, n_rows, windows, self._rows, self._columns, self._blend)
            for row, top in enumerate(self._rows.starts):
                self._tick()
                known = first if row == windows.start == 0 else None
                self._look_at_row(kept, row, top, windows, known)
                for part in self._cells(row, pixels):
                    yield from self._label(kept, *part)

    def _look_at_row(self, kept: "_Kept", row: int, top: int, windows: range, known: Views | None) -> None:
        """Keep the model's logits of the windows of a row; those of the first may be known."""
        starts = self._columns.starts
        left, side = starts[windows.start], self._columns.window
        band = self._source.read(top, left, self._rows.window, starts[windows.stop - 1] + side - left)
        at_once = _AT_ONCE_GPU if self._prepared.device.type == "cuda" else 1
        if known is not None:
            kept.put(row, windows.start, known)
        unknown = windows if known is None else windows[1:]
        for first in range(0, len(unknown), at_once):
            group = unknown[first : first + at_once]
            pixels = [band[:, starts[each] - left : starts[each] - left + side] for each in group]
            for column, views in zip(group, self._look_at(pixels), strict=True):
                kept.put(row, column, views)

    def _look_at(self, pixels: Sequence[NDArray[np.uint8]]) -> list[Views]:
        looked = self._prepared.look([np.ascontiguousarray(each) for each in pixels])
        if not bool(torch.stack([are_finite(each) for each in looked]).all()):
            raise no_numbers(self._precision)
        return looked

    def _cells(self, row: int, pixels: Span) -> Iterator[tuple[Span, Span]]:
        """Cut what this row of windows completes where windows begin and end: in a cell the same ones overlap."""
        cuts_down, cuts_across = _borders(self._rows), _borders(self._columns)
        for down in cells(*self._rows.completed_by(row), cuts_down):
            for across in cells(*pixels, cuts_across):
                yield down, across

    def _label(self, kept: "_Kept", down: Span, across: Span) -> Iterator[tuple[slice, slice, Tensor]]:
        """Blend the windows of a cell, a strip of rows at a time."""
        rows = self._rows.covering(*down)
        combined = [[self._across(kept, row, view, down, across) for row in rows] for view in range(self._n_views)]
        n_rows = rows_at_once(combined[0][0][1].transpose(0, 1), across[1] - across[0], self._strip)
        for top in range(down[0], down[1], n_rows):
            strip = (top, min(top + n_rows, down[1]))
            views = [self._down(kept, rows, each, view, strip) for view, each in enumerate(combined)]
            yield slice(*strip), slice(*across), combine(views)

    def _across(self, kept: "_Kept", row: int, view: int, down: Span, across: Span) -> tuple[int, Tensor]:
        """Blend the windows of a row from left to right.

        Returns:
            The first of their rows of logits that matter for the pixels `down`, and these, (h, C, columns).
        """
        n_classes = kept.logits[view].shape[3]
        used, _ = kept.down[view].part(row, down)
        total: Tensor | None = None
        for column in self._columns.covering(*across):
            inputs, matrix = kept.across[view].part(column, across)
            logits = kept.get(row, column, view)[used].flatten(0, 1)
            total = _add_product(total, logits[:, inputs], matrix.T)
        return used.start, _require(total).view(-1, n_classes, across[1] - across[0])

    def _down(
        self, kept: "_Kept", rows: range, combined: Sequence[tuple[int, Tensor]], view: int, strip: Span
    ) -> Tensor:
        """Blend rows of windows, each blended from left to right: (C, rows, columns)."""
        total: Tensor | None = None
        for row, (first, logits) in zip(rows, combined, strict=True):
            inputs, matrix = kept.down[view].part(row, strip)
            used = logits[inputs.start - first : inputs.stop - first]
            total = _add_product(total, matrix, used.flatten(1))
        return _require(total).view(-1, *logits.shape[1:]).transpose(0, 1)


class _Blending:
    """The linear maps from the logits along windows' sides to the pixels of an image."""

    def __init__(self, axis: Axis, blend: Blend, n_logits: int, device: torch.device) -> None:
        self._starts = axis.starts
        self._upsampling = Upsampling(n_logits, axis.window)
        self._matrix = torch.from_numpy(self._upsampling.matrix).to(device)
        self._shares = torch.from_numpy(shares(axis, blend)).to(device)

    def part(self, number: int, pixels: Span) -> tuple[slice, Tensor]:
        """The logits of a window that matter for some of its pixels, and their matrix, (pixels, logits)."""
        first, last = (pixel - self._starts[number] for pixel in pixels)
        inputs = self._upsampling.inputs_of(first, last)
        return inputs, self._matrix[first:last, inputs] * self._shares[number, first:last, None]


def _borders(axis: Axis) -> list[int]:
    return [border for start in axis.starts for border in (start, start + axis.window)]


def _add_product(total: Tensor | None, first: Tensor, second: Tensor) -> Tensor:
    """Add a product of matrices in place: one large product is much faster than one for each class."""
    return first @ second if total is None else total.addmm_(first, second)


def _require(total: Tensor | None) -> Tensor:
    if total is None:
        raise ValueError("every pixel lies in a window")
    return total


class _Kept:
    """The logits of the rows of windows that still matter, in one place: many small pieces would fragment the memory.

    Args:
        like: the logits of a window, (C, h, w) of each view.
        n_rows: of windows, that are kept at a time.
        columns: the windows of a row.
        down, across: all windows along both sides, which `blend` blends.
    """

    def __init__(self, like: Views, n_rows: int, columns: range, down: Axis, across: Axis, blend: Blend) -> None:
        self.down = [_Blending(down, blend, logits.shape[1], logits.device) for logits in like]
        self.across = [_Blending(across, blend, logits.shape[2], logits.device) for logits in like]
        self._first = columns.start
        self.logits = [
            logits.new_empty((n_rows, len(columns), logits.shape[1], logits.shape[0], logits.shape[2]))
            for logits in like
        ]

    def put(self, row: int, column: int, views: Views) -> None:
        """Keep the logits of a window, in the place of those of the oldest row."""
        for kept, logits in zip(self.logits, views, strict=True):
            kept[row % len(kept), column - self._first].copy_(logits.transpose(0, 1))

    def get(self, row: int, column: int, view: int) -> Tensor:
        """Look up the logits of a window, (h, C, w)."""
        kept = self.logits[view]
        return kept[row % len(kept), column - self._first]
