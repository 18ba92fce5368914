"""The outlines of a region of pixels as polygons, so exact that drawing them gives the same pixels again.

Polygons run along the edges of pixels. A hole becomes part of the polygon around it, by a cut of no width, because the
polygons of COCO have no holes.
"""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Pairs = NDArray[np.intp]  # (N, 2): corners that an edge joins


def outline(inside: NDArray[np.bool_]) -> list[list[int]]:
    """Outline the pixels of a mask, (H, W).

    Returns:
        A polygon [x, y, x, y ...] for each set of pixels that touch along edges, in pixels from the upper left corner.
    """
    rings = _Rings(inside)
    rings.cut_holes()
    return list(rings.polygons())


class _Rings:
    """Closed lines along the edges of pixels: corners, each of which knows the next one."""

    def __init__(self, inside: NDArray[np.bool_]) -> None:
        self._inside = inside
        x, y, across, along = _find_corners(inside)
        self._x: list[int] = x.tolist()
        self._y: list[int] = y.tolist()
        self._next, self._starts = _link(across, along)
        self._edges = defaultdict[int, list[tuple[int, int, int]]](list)  # by row: left end, left and right corner
        for left, right in across.tolist():
            self._edges[self._y[left]].append((self._x[left], left, right))

    def cut_holes(self) -> None:
        """Join each hole with the ring around it, by a cut upwards from its upper left corner."""
        for start in self._starts:
            if self._is_hole(start):
                self._cut(start)

    def polygons(self) -> Iterator[list[int]]:
        """Yield the corners of each ring that is no hole."""
        for start in self._starts:
            if not self._is_hole(start):
                corner, polygon = self._next[start], [self._x[start], self._y[start]]
                while corner != start:
                    polygon += [self._x[corner], self._y[corner]]
                    corner = self._next[corner]
                yield polygon

    def _is_hole(self, start: int) -> bool:
        """Whether the pixel at a ring's upper left corner is outside."""
        return not self._inside[self._y[start], self._x[start]]

    def _cut(self, start: int) -> None:
        """Let the edge above a hole go down to it, around it and up again, before it goes on."""
        x, y = self._x[start], self._y[start]
        outside = np.flatnonzero(~self._inside[:y, x])
        top = int(outside[-1]) + 1 if len(outside) else 0
        edges = self._edges[top]
        place = bisect_right(edges, (x, math.inf)) - 1
        begin, left, right = edges[place]
        is_rightwards = self._next[left] == right
        first, last = (left, right) if is_rightwards else (right, left)
        begins_again = self._add(x, y, self._next[start])  # the hole's corner twice: at the begin and at the end
        down, up = self._add(x, top, begins_again), self._add(x, top, last)
        self._next[first], self._next[start] = down, up
        before, after = (down, up) if is_rightwards else (up, down)
        edges[place : place + 1] = [(begin, left, before), (x, after, right)]

    def _add(self, x: int, y: int, following: int) -> int:
        self._x.append(x)
        self._y.append(y)
        self._next.append(following)
        return len(self._next) - 1


def _find_corners(inside: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp], Pairs, Pairs]:
    """Find where the edge of a region turns, and which of these corners horizontal and vertical edges join.

    Where two pixels touch at a corner alone, it counts twice: once for each of them.

    Returns:
        x and y by corner, from top to bottom and then from left to right; horizontal edges, left corner first; vertical
        edges, upper corner first.
    """
    padded = np.pad(inside, 1)
    upper_left, upper_right = padded[:-1, :-1], padded[:-1, 1:]
    lower_left, lower_right = padded[1:, :-1], padded[1:, 1:]
    is_double = (upper_left == lower_right) & (upper_right == lower_left) & (upper_left != upper_right)
    is_single = upper_left ^ upper_right ^ lower_left ^ lower_right
    times = is_single + 2 * is_double
    y, x = np.nonzero(times)
    times = times[y, x]
    falls = upper_left[y, x].repeat(times)  # of a double corner: the pixels lie at the upper left and lower right
    is_second = np.arange(times.sum()) - (np.cumsum(times) - times).repeat(times) == 1
    x, y = x.repeat(times), y.repeat(times)
    across = np.arange(len(x)).reshape(-1, 2)
    is_lower = np.where((times == 2).repeat(times), is_second == falls, False)
    along = np.lexsort((is_lower, y, x)).reshape(-1, 2)
    return x, y, across, along


def _link(across: Pairs, along: Pairs) -> tuple[list[int], list[int]]:
    """Follow horizontal and vertical edges in turn: the corner after each one, and the first corner of each ring."""
    beside, below = [np.empty(edges.size, np.intp) for edges in (across, along)]
    for partner, edges in ((beside, across), (below, along)):
        partner[edges[:, 0]], partner[edges[:, 1]] = edges[:, 1], edges[:, 0]
    turns = (beside.tolist(), below.tolist())
    following, starts = [-1] * len(beside), []
    for start in range(len(following)):
        if following[start] < 0:
            starts.append(start)
            corner, turn = start, 0
            while following[corner] < 0:
                following[corner] = turns[turn][corner]
                corner, turn = following[corner], 1 - turn
    return following, starts
