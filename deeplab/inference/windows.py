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


def shares(axis: Axis, blend: Blend) -> NDArray[np.float32]:
    """How much each window counts at each of its pixels, (windows, pixels); at every pixel all of them add up to 1."""
    distance = (np.arange(axis.window) + 0.5) / axis.window - 0.5  # from the centre, in windows
    weights = np.ones(axis.window) if blend == "flat" else np.exp(-0.5 * (distance / _SPREAD) ** 2)
    total = np.zeros(axis.length)
    for start in axis.starts:
        total[start : start + axis.window] += weights
    return np.stack([weights / total[start : start + axis.window] for start in axis.starts]).astype(np.float32)


class Upsampling:
    """Bilinear enlarging of a line as a matrix, of which any rows can be taken with the columns that matter."""

    def __init__(self, n_in: int, n_out: int) -> None:
        taps = linear_taps(n_in, n_out)
        self._low, self._high = taps.low, taps.high
        rows = np.arange(n_out)
        self.matrix = np.zeros((n_out, n_in), np.float32)
        np.add.at(self.matrix, (rows, taps.low), 1 - taps.weight)
        np.add.at(self.matrix, (rows, taps.high), taps.weight)

    def inputs_of(self, first: int, last: int) -> slice:
        """What the outputs `first` .. `last` - 1 depend on."""
        return slice(int(self._low[first]), int(self._high[last - 1]) + 1)


def cells(first: int, last: int, cuts: Sequence[int]) -> list[tuple[int, int]]:
    """Cut `first` .. `last` at those of `cuts` that lie within."""
    points = [first, *sorted({cut for cut in cuts if first < cut < last}), last]
    return list(pairwise(points))
