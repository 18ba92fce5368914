"""Lay out a lattice of positions so that one sweep over the image filters by it.

Filtering by one phase after the other takes all vertices from memory for each phase, and there are more of them than
pixels. But the vertices lie in lines along the rows of the image, at equal distances, and the neighbours of a vertex
have the same places in the lines above and below as those of the next vertex. So splatting, blurring along each axis
and slicing can follow each other line by line: no neighbour is looked up, and only a few lines are held at a time, in
rings that fit the second-level cache.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from deeplab.densecrf.cpu.kernels.arrays import Ints, Longs
from deeplab.densecrf.cpu.kernels.sweep import REACH, Lines
from deeplab.densecrf.cpu.lattice import Lattice

_SPARSE = 4  # places for each vertex from which on most of the work would be wasted


@dataclass(frozen=True)
class Sweep:
    """A lattice of positions that is laid out line by line, from the top of the image."""

    lines: Lines
    alpha: float  # as in `Lattice`

    @classmethod
    def over(cls, lattice: Lattice, height: int) -> Self | None:
        """Lay out a lattice; None if most places would be gaps, as with deviations below a pixel. Nothing is shared."""
        line, column, remainders = _coordinates(lattice)
        first, last = np.full(len(remainders), column.max()), np.full(len(remainders), -1)
        np.minimum.at(first, line, column)
        np.maximum.at(last, line, column)
        lengths = (last - first + 1).clip(0)
        if lengths.sum() > _SPARSE * lattice.n_vertices:
            return None
        # An empty line counts as one that begins where the line before it does.
        first = first[np.maximum.accumulate(np.where(lengths, np.arange(len(lengths)), 0))]
        neighbours = _neighbours(first, remainders)
        margin = max(0, -int(neighbours.min()))
        stride = margin + int((lengths[:, None] + neighbours.clip(0)).max())
        of_pixels = line[lattice.vertices].reshape(height, -1)
        above = np.minimum.accumulate(of_pixels.min(axis=1)[::-1])[::-1]
        below = np.maximum.accumulate(of_pixels.max(axis=1))
        ring = _lines_held(above, below)
        places = line % ring * stride + margin + column - first[line]
        gaps, ends = _gaps(line, column - first[line], lengths)
        table = np.column_stack([lengths, neighbours, np.append(0, ends[:-1]), ends])
        lines = Lines(
            places=places.astype(np.int32)[lattice.vertices],
            weights=lattice.weights.copy(),
            rows=_flat(np.column_stack([above, below])),
            table=_flat(table),
            gaps=_flat(gaps),
            width=lattice.n_pixels // height,
            margin=margin,
            stride=stride,
            ring=ring,
        )
        return cls(lines, lattice.alpha)


def _flat(numbers: NDArray[np.int64]) -> Ints:
    return numbers.astype(np.int32).reshape(-1)


def _coordinates(lattice: Lattice) -> tuple[Longs, Longs, Longs]:
    """Find the line and the place in it (M) of each vertex, and the remainder of each line.

    Lines are numbered by the last coordinate, descending, places by the quotient of the middle one, descending too.
    """
    remainders, digits = lattice.keys & 7, lattice.keys >> 3
    last, middle = np.divmod(digits, lattice.period >> 3)
    coordinate = 3 * last + remainders
    top = coordinate.max()
    line = top - coordinate
    return line, middle.max() - middle, (top - np.arange(line.max() + 1)) % 3


def _neighbours(first: Longs, remainders: Longs) -> NDArray[np.int64]:
    """Find how much further in its line a neighbour is than a vertex in its own, (lines, 6).

    Each line starts at column `first`. A step along an axis takes one from every coordinate and adds three to its own
    (see `kernels.permutohedral.link`). The columns are, for the axes in order, the neighbours in the lines above and
    below: one line away for the first two axes, two for the last.
    """
    changes = (  # of the column, on the way up and down
        (-(remainders == 2).astype(int), (remainders == 0).astype(int)),
        ((remainders != 2).astype(int), -(remainders > 0).astype(int)),
        ((remainders == 0).astype(int), -(remainders == 2).astype(int)),
    )
    distances = np.zeros((len(first), 6), np.int64)
    for axis, (up, down) in enumerate(changes):
        reach = REACH[axis]
        distances[reach:, 2 * axis] = (up + first)[reach:] - first[:-reach]
        distances[:-reach, 2 * axis + 1] = (down + first)[:-reach] - first[reach:]
    return distances


def _lines_held(above: Longs, below: Longs) -> int:
    """Count the lines that the rings have to hold, when rows are splatted as late and sliced as early as can be."""
    line = np.arange(below[-1] + 1)
    splatted = below[np.searchsorted(above, line + 1, side="right") - 1]
    raw = splatted - (line - 1) + 1
    waiting = np.searchsorted(below, line)  # the first row that needs this line or a later one
    blurred = line - above[waiting.clip(max=len(above) - 1)] + 1
    return int(max(3, raw.max(), blurred.max()))  # the first axis needs three lines at once


def _gaps(line: Longs, distance: Longs, lengths: Longs) -> tuple[Longs, Longs]:
    """Find the distances from the beginning of a line without a vertex, line by line, and where those of a line end."""
    begins = np.append(0, np.cumsum(lengths))
    missing = np.ones(begins[-1], bool)
    missing[begins[line] + distance] = False
    places = np.flatnonzero(missing)
    ends = np.searchsorted(places, begins[1:])
    return places - np.repeat(begins[:-1], np.diff(ends, prepend=0)), ends
