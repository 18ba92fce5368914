"""Parts of numba kernels that filter by a lattice of positions line by line while they go over an image (see `sweep`).

A buffer holds a line of zeros, and rings of lines: of what was splatted, and of that blurred along one axis, two, and
all three. Lines that do not exist, or lie above the one where a sweep begins, count as zero.

A sweep can begin in the middle of the image. It does so some rows early, since what is missing there spreads by as many
lines as blurring reaches along all axes together.
"""

from typing import Any, NamedTuple

import numpy as np

from deeplab.densecrf.arrays import Floats, Ints
from deeplab.densecrf.compiled import inlined_part, part
from deeplab.densecrf.simd import add, add_scaled, item, load, store, zeros

CORNERS = 3  # of a simplex
REACH = 1, 1, 2  # how many lines it is to the neighbours along each axis
BEHIND = 3  # lines by which the last axis follows the first: each needs those it reaches to from the one before it
_SPREAD = 4  # lines that all axes reach together
_ONCE, _TWICE = 3, 5  # lines of the rings of what is blurred along one axis, and along two
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
    """How many values the buffer holds."""
    return (_blurred(lines) + lines.ring) * lines.stride * lanes  # type: ignore[no-any-return]


@part
def _blurred(lines: Lines) -> int:
    """The first line of the ring of what is blurred along all axes."""
    return 1 + lines.ring + _ONCE + _TWICE


@part
def first_row(lines: Lines, wanted: int) -> int:
    """The row to begin with for the answers of row `wanted` on to be right."""
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
        row, untouched: the next row to splat, and the first line that no row before it touches.

    Returns:
        The same for the next line.
    """
    while row < lines.rows.size // 2 and item(lines.rows, 2 * row) <= line:
        untouched = _clear_lines(lines, buffer, untouched, np.int64(item(lines.rows, 2 * row + 1)) + 1, lanes)
        for pixel in range(row * lines.width, (row + 1) * lines.width):
            value = load(values, pixel * lanes, lanes)
            for at in range(pixel * CORNERS, (pixel + 1) * CORNERS):
                place = (lines.stride + np.int64(item(lines.places, at))) * lanes
                store(buffer, place, add_scaled(load(buffer, place, lanes), item(lines.weights, at), value))
        row += 1
    return row, _clear_lines(lines, buffer, untouched, line + 1, lanes)


@inlined_part
def _clear_lines(lines: Lines, buffer: Floats, untouched: int, end: int, lanes: int) -> int:
    """Make room in the ring of what is splatted up to line `end`."""
    for line in range(untouched, end):
        _clear(buffer, (1 + line % lines.ring) * lines.stride, lines.stride, lanes)
    return max(untouched, end)


@inlined_part
def blur_lines(lines: Lines, buffer: Floats, begin: int, line: int, lanes: int) -> None:
    """Blur along the first axis in one line, and along the others in the lines before it that are ready for that.

    Args:
        begin: the line where the sweep began.
    """
    once = 1 + lines.ring
    twice = once + _ONCE
    _blur_line(lines, buffer, begin, line, 0, 1, lines.ring, once, _ONCE, lanes)
    _blur_line(lines, buffer, begin, line - 1, 1, once, _ONCE, twice, _TWICE, lanes)
    _blur_line(lines, buffer, begin, line - BEHIND, 2, twice, _TWICE, twice + _TWICE, lines.ring, lanes)


@inlined_part
def _blur_line(
    lines: Lines, buffer: Floats, begin: int, line: int, axis: int, source: int, source_ring: int, target: int,
    target_ring: int, lanes: int,
) -> None:  # fmt: skip
    """Add half of both neighbours along one axis to the vertices of a line, if it exists.

    Args:
        source, target: the first lines of the rings of what there is and of what is written.
    """
    n_lines, reach, entry = lines.table.size // _COLUMNS, 1 + axis // 2, line * _COLUMNS
    if begin <= line < n_lines:
        here = (source + line % source_ring) * lines.stride + lines.margin
        above = below = lines.margin  # of the line of zeros
        if line - reach >= begin:
            above = (source + (line - reach) % source_ring) * lines.stride + lines.margin
            above += item(lines.table, entry + 1 + 2 * axis)
        if line + reach < n_lines:
            below = (source + (line + reach) % source_ring) * lines.stride + lines.margin
            below += item(lines.table, entry + 2 + 2 * axis)
        start = (target + line % target_ring) * lines.stride
        to, length = start + lines.margin, np.int64(item(lines.table, entry))
        _clear(buffer, start, lines.margin, lanes)
        for i in range(length):
            both = add(load(buffer, (above + i) * lanes, lanes), load(buffer, (below + i) * lanes, lanes))
            store(buffer, (to + i) * lanes, add_scaled(load(buffer, (here + i) * lanes, lanes), _HALF, both))
        for gap in range(np.int64(item(lines.table, entry + 7)), np.int64(item(lines.table, entry + 8))):
            _clear(buffer, to + np.int64(item(lines.gaps, gap)), 1, lanes)
        _clear(buffer, to + length, lines.stride - lines.margin - length, lanes)


@inlined_part
def _clear(buffer: Floats, place: int, count: int, lanes: int) -> None:
    for at in range(place, place + count):
        store(buffer, at * lanes, zeros(lanes))


@inlined_part
def slice_blurred(lines: Lines, buffer: Floats, pixel: int, lanes: int) -> Any:
    """The row of one pixel, interpolated between its vertices."""
    total, origin = zeros(lanes), _blurred(lines) * lines.stride
    for at in range(pixel * CORNERS, (pixel + 1) * CORNERS):
        row = load(buffer, (origin + np.int64(item(lines.places, at))) * lanes, lanes)
        total = add_scaled(total, item(lines.weights, at), row)
    return total
