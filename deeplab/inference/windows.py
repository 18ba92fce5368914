"""Where the windows of a large image lie, and how much each counts where they overlap. Torch-free."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deeplab.images.resize import linear_taps

Blend = Literal["gaussian", "flat"]
_SPREAD = 1 / 8  # standard deviation of the gaussian weights, of a window's side


@dataclass(frozen=True)
class Axis:
    """The windows along one side of an image. All have one length; the last is shifted to end where the image ends."""

    length: int  # of the image, pixels
    window: int  # pixels; not more than `length`
    starts: tuple[int, ...]

    @classmethod
    def cut(cls, length: int, window: int, stride: int) -> "Axis":
        """Cover a side with windows; one that is shorter than a window gets a window of its own length."""
        window = min(length, window)
        return cls(length, window, (*range(0, length - window, stride), length - window))

    def completed_by(self, number: int) -> tuple[int, int]:
        """The pixels that are known once windows up to this one are, and not before: first and last + 1."""
        last = number == len(self.starts) - 1
        return self.starts[number], self.length if last else self.starts[number + 1]

    def covering(self, first: int, last: int) -> range:
        """The windows with a pixel in `first` .. `last` - 1."""
        numbers = [i for i, start in enumerate(self.starts) if start < last and start + self.window > first]
        return range(numbers[0], numbers[-1] + 1)

    def groups(self, size: int) -> Iterator[tuple[range, tuple[int, int]]]:
        """Share the side out to groups of neighbouring windows, so that each can be labelled by itself.

        Yields:
            The windows of a group, about `size` and at least those that overlap, and the pixels that they label.
        """
        n_windows, first = len(self.starts), 0
        while first < n_windows:
            earliest = self.covering(self.starts[first], self.starts[first] + 1).start
            last = min(n_windows, max(first + 1, earliest + size))
            yield range(earliest, last), (self.starts[first], self.completed_by(last - 1)[1])
            first = last


def blend_matrix(axis: Axis, number: int, n_logits: int, blend: Blend, pixels: tuple[int, int]) -> "BlendMatrix":
    """How the logits along a window's side make those of pixels: enlarged bilinearly, times the window's share.

    Args:
        axis: the windows.
        number: of the window.
        n_logits: logits along the window's side.
        blend: the weights of a window's pixels.
        pixels: of the image: first and last + 1.
    """
    first, last = pixels
    positions = np.arange(first, last)
    total = np.zeros(last - first)
    for each in axis.covering(first, last):
        total += _weights(axis, each, blend, positions)
    share = _weights(axis, number, blend, positions) / total
    taps = linear_taps(n_logits, axis.window)
    inside = np.clip(positions - axis.starts[number], 0, axis.window - 1)
    low, high, weight = taps.low[inside], taps.high[inside], taps.weight[inside]
    matrix = np.zeros((last - first, n_logits))
    rows = np.arange(last - first)
    np.add.at(matrix, (rows, low), share * (1 - weight))
    np.add.at(matrix, (rows, high), share * weight)
    begin, end = int(low.min()), int(high.max()) + 1
    return BlendMatrix(begin, end, matrix[:, begin:end].astype(np.float32))


@dataclass(frozen=True)
class BlendMatrix:
    """The part of a linear map from a window's logits to pixels that is not zero."""

    begin: int  # first of the logits
    end: int  # last + 1
    matrix: NDArray[np.float32]  # (pixels, end - begin)


def _weights(axis: Axis, number: int, blend: Blend, positions: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of the pixels at `positions` in a window; 0 outside of it."""
    inside = positions - axis.starts[number]
    distance = (inside + 0.5) / axis.window - 0.5  # from the centre, in windows
    weights = np.ones(len(positions)) if blend == "flat" else np.exp(-0.5 * (distance / _SPREAD) ** 2)
    weights[(inside < 0) | (inside >= axis.window)] = 0
    return weights


def cells(first: int, last: int, cuts: Sequence[int]) -> list[tuple[int, int]]:
    """Cut `first` .. `last` at those of `cuts` that lie within."""
    points = [first, *sorted({cut for cut in cuts if first < cut < last}), last]
    return list(pairwise(points))
