"""Parts of kernels that filter by a lattice of positions line by line while they go over an image (see `cpu.sweep`).

A buffer holds a line of zeros, and rings of lines: of what was splatted, and of that blurred along one axis, two, and
all three. Lines that do not exist, or lie above the one where a sweep begins, count as zero.

A sweep can begin in the middle of the image. It does so some rows early, since what is missing there spreads by as many
lines as blurring reaches along all axes together.
"""

from typing import Any, NamedTuple

import numpy as np

from deeplab.densecrf.cpu.kernels.arrays import Floats, Ints
from deeplab.densecrf.cpu.kernels.compiled import inlined_part, part
from deeplab.densecrf.cpu.kernels.lattice import sliced
from deeplab.densecrf.cpu.kernels.memory import item, load, store
from deeplab.densecrf.cpu.kernels.simd import add, add_scaled, zeros

CORNERS = 3  # of a simplex
REACH = 1, 1, 2  # how many lines it is to the neighbours along each axis
BEHIND = REACH[1] + REACH[2]  # lines by which the last axis follows the first: each needs what it reaches to
_SPREAD = sum(REACH)
_ONCE, _TWICE = 2 * REACH[1] + 1, 2 * REACH[2] + 1  # lines of the rings of what the second and the last axis read
_COLUMNS = 9  # of the table of lines
_HALF = np.float32(0.5)


class Lines(NamedTuple):
    """A lattice of positions line by line. A line is held as `stride` places, the vertices after a margin of zeros."""

    places: Ints  # (N * 3): where a ring has each vertex of each pixel
    weights: Floats  # (N * 3) as in `Lattice`
    rows: Ints  # (H * 2): the first and the last line that each row of pixels touches
    table: Ints  # (lines * 9): length, how much further in its line each of six neighbours is, begin and end in `gaps`
    gaps: Ints  # how far from the beginning of its line there is no vertex, line by line
    width: int  # pixels of a row
    margin: int  # places
    stride: int  # places
    ring: int  # lines that are held of what was splatted, and of what is blurred along all axes


@part
def buffer_size(lines: Lines, lanes: int) -> int:
    """Count the values that the buffer holds."""
    return (_blurred(lines) + lines.ring) * lines.stride * lanes  # type: ignore[no-any-return]


@part
def _blurred(lines: Lines) -> int:
    """Find the first line of the ring of what is blurred along all axes."""
    return 1 + lines.ring + _ONCE + _TWICE


@part
def first_row(lines: Lines, wanted: int) -> int:
    """Find the row to begin with for the answers of row `wanted` on to be right."""
    row = wanted
    while row > 0 and lines.rows[2 * row - 1] + _SPREAD >= lines.rows[2 * wanted]:
        row -= 1
    return row


@inlined_part
def splat_rows(
    values: Floats, lines: Lines, buffer: Floats, row: int, untouched: int, line: int, lanes: int
) -> tuple[int, int]:  # fmt: skip
    """Complete what is splatted to lines up to `line`.

    Args:
        values: (N * lanes) of pixels.
        row, untouched: the next row to splat, and the first line that nothing was splatted to.

    Returns:
        The same for the next line.
    """
    stop, end = row, max(untouched, line + 1)
    while stop < lines.rows.size // 2 and item(lines.rows, 2 * stop) <= line:
        end = max(end, item(lines.rows, 2 * stop + 1) + 1)
        stop += 1
    for fresh in range(untouched, end):
        start = (1 + fresh % lines.ring) * lines.stride
        for place in range(start, start + lines.stride):
            store(buffer, place * lanes, zeros(lanes))
    for pixel in range(row * lines.width, stop * lines.width):
        value = load(values, pixel * lanes, lanes)
        for at in range(pixel * CORNERS, (pixel + 1) * CORNERS):
            vertex = (lines.stride + np.int64(item(lines.places, at))) * lanes
            store(buffer, vertex, add_scaled(load(buffer, vertex, lanes), item(lines.weights, at), value))
    return stop, end


@part
def _beside(lines: Lines, begin: int, line: int, other: int, source: int, ring: int, column: int) -> int:
    """Find where another line has the neighbour of a line's first vertex: among zeros if there is no such line."""
    if other < begin or other >= lines.table.size // _COLUMNS:
        return lines.margin
    return (source + other % ring) * lines.stride + lines.margin + lines.table[line * _COLUMNS + column]  # type: ignore[no-any-return]


@inlined_part
def blur_lines(lines: Lines, buffer: Floats, begin: int, newest: int, lanes: int) -> None:
    """Blur along the first axis in one line, and along the others in the lines before it that are ready for that.

    Args:
        begin: the line where the sweep began. newest: the line; it need not exist.
    """
    source, ring = 1, lines.ring
    for axis in range(3):
        line = newest - (0, REACH[1], BEHIND)[axis]
        target, target_ring = source + ring, (_ONCE, _TWICE, lines.ring)[axis]
        if begin <= line < lines.table.size // _COLUMNS:
            reach, entry = REACH[axis], line * _COLUMNS
            here = (source + line % ring) * lines.stride + lines.margin
            above = _beside(lines, begin, line, line - reach, source, ring, 1 + 2 * axis)
            below = _beside(lines, begin, line, line + reach, source, ring, 2 + 2 * axis)
            start = (target + line % target_ring) * lines.stride
            to, length = start + lines.margin, np.int64(item(lines.table, entry))
            for i in range(length):
                both = add(load(buffer, (above + i) * lanes, lanes), load(buffer, (below + i) * lanes, lanes))
                store(buffer, (to + i) * lanes, add_scaled(load(buffer, (here + i) * lanes, lanes), _HALF, both))
            for gap in range(np.int64(item(lines.table, entry + 7)), np.int64(item(lines.table, entry + 8))):
                store(buffer, (to + np.int64(item(lines.gaps, gap))) * lanes, zeros(lanes))
            for i in range(length, lines.stride):  # behind the vertices, and in the margin before them
                store(buffer, (start + (lines.margin + i) % lines.stride) * lanes, zeros(lanes))
        source, ring = target, target_ring


@inlined_part
def slice_blurred(lines: Lines, buffer: Floats, pixel: int, lanes: int) -> Any:
    """Interpolate the row of one pixel between its vertices."""
    origin, first = _blurred(lines) * lines.stride, pixel * CORNERS
    return sliced(buffer, origin, lines.places, lines.weights, first, first + CORNERS, lanes)
