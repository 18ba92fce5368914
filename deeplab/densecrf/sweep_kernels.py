"""Parts of numba kernels that filter by a lattice of positions line by line while they sweep over an image (see `sweep`).

A buffer holds a line of zeros, and rings of lines with what was splatted, with what is blurred along one axis, along
two, and along all three. Lines that do not exist, or lie above the one where a sweep begins, count as zero.

A sweep can begin in the middle of the image. It does so some rows early, as what is missing there spreads by as many
lines as blurring reaches along all axes together.
"""

import numpy as np

from deeplab.densecrf.arrays import Floats, Ints
from deeplab.densecrf.compiled import inlined_part, part
from deeplab.densecrf.simd import add, add_scaled, item, load, store, zeros

REACH = 1, 1, 2  # lines to the neighbours along each axis
CORNERS = 3
_COLUMNS = 9  # of the table of lines
_ONCE, _TWICE = 3, 5  # lines that are held of what is blurred along one axis and along two: the reach in both directions
_HALF = np.float32(0.5)


@part
def lines_of_buffer(ring: int) -> int:
    """How many lines the buffer has."""
    return 1 + ring + _ONCE + _TWICE + ring


@part
def first_row(rows: Ints, wanted: int) -> int:
    """With which row to begin for the answers of row `wanted` on to be right."""
    row = np.int64(wanted)
    while row > 0 and np.int64(rows[2 * row - 1]) + 1 + 4 > np.int64(rows[2 * wanted]):
        row -= 1
    return row


@part
def blurred_at(line: int, margin: int, stride: int, ring: int) -> int:
    """Where `places` count from for the ring of blurred values."""
    return (1 + ring + _ONCE + _TWICE) * stride


@inlined_part
def sweep_line(
    values: Floats, width: int, places: Ints, weights: Floats, rows: Ints, lines: Ints, gaps: Ints, margin: int, stride: int,
    ring: int, buffer: Floats, begin: int, line: int, row: int, cleared: int, lanes: int,
) -> tuple[int, int]:  # fmt: skip
    """Complete the splatted values up to the line behind `line`, and blur as far as they reach: up to three lines before.

    Args:
        values: (N * lanes) of pixels in rows of `width`.
        places, weights, rows, lines, gaps, margin, stride, ring: as in `Sweep`.
        buffer: (lines_of_buffer * stride * lanes). begin: the line where the sweep began.
        row, cleared: the next row to splat, and the first line that nothing was splatted to.

    Returns:
        row and cleared for the next line.
    """
    while row < rows.size // 2 and np.int64(item(rows, 2 * row)) <= line + 1:
        for each in range(cleared, np.int64(item(rows, 2 * row + 1)) + 1):
            for place in range((1 + each % ring) * stride, (2 + each % ring) * stride):
                store(buffer, place * lanes, zeros(lanes))
        cleared = max(cleared, np.int64(item(rows, 2 * row + 1)) + 1)
        for pixel in range(row * width, row * width + width):
            value = load(values, pixel * lanes, lanes)
            for at in range(pixel * CORNERS, pixel * CORNERS + CORNERS):
                place = (stride + np.int64(item(places, at))) * lanes
                store(buffer, place, add_scaled(load(buffer, place, lanes), item(weights, at), value))
        row += 1
    once, twice, blurred = 1 + ring, 1 + ring + _ONCE, 1 + ring + _ONCE + _TWICE
    blur_line(buffer, lines, gaps, line, 0, begin, 1, ring, once, _ONCE, margin, stride, lanes)
    blur_line(buffer, lines, gaps, line - 1, 1, begin, once, _ONCE, twice, _TWICE, margin, stride, lanes)
    blur_line(buffer, lines, gaps, line - 3, 2, begin, twice, _TWICE, blurred, ring, margin, stride, lanes)
    return row, cleared


@inlined_part
def blur_line(
    buffer: Floats, lines: Ints, gaps: Ints, line: int, axis: int, begin: int, source: int, source_ring: int, target: int,
    target_ring: int, margin: int, stride: int, lanes: int,
) -> None:  # fmt: skip
    """Add half of both neighbours along one axis to the vertices of a line, if it exists.

    Args:
        source, target: where the rings of the values before and after begin, in lines.
    """
    n_lines, reach = lines.size // _COLUMNS, 1 + axis // 2
    if begin <= line < n_lines:
        count = np.int64(item(lines, line * _COLUMNS))
        here = (source + line % source_ring) * stride + margin
        above = below = margin
        if line - reach >= begin:
            above = (source + (line - reach) % source_ring) * stride + margin
            above += np.int64(item(lines, line * _COLUMNS + 1 + 2 * axis))
        if line + reach < n_lines:
            below = (source + (line + reach) % source_ring) * stride + margin
            below += np.int64(item(lines, line * _COLUMNS + 2 + 2 * axis))
        to = (target + line % target_ring) * stride
        for place in range(to, to + margin):
            store(buffer, place * lanes, zeros(lanes))
        for i in range(count):
            both = add(load(buffer, (above + i) * lanes, lanes), load(buffer, (below + i) * lanes, lanes))
            row = add_scaled(load(buffer, (here + i) * lanes, lanes), _HALF, both)
            store(buffer, (to + margin + i) * lanes, row)
        for gap in range(np.int64(item(lines, line * _COLUMNS + 7)), np.int64(item(lines, line * _COLUMNS + 8))):
            store(buffer, (to + margin + np.int64(item(gaps, gap))) * lanes, zeros(lanes))
        for place in range(to + margin + count, to + stride):
            store(buffer, place * lanes, zeros(lanes))
