"""numba kernels of a mean-field step: from beliefs, and what the lattice of colours makes of them, to messages or beliefs.

Both sweep over the image (see `sweep`): they filter by the lattice of positions on the way.
"""

import functools
from typing import Any

import numpy as np

from deeplab.densecrf.arrays import Floats, Ints
from deeplab.densecrf.compiled import Compiled, inlined_part, kernel
from deeplab.densecrf.row_kernels import sliced
from deeplab.densecrf.simd import add, add_scaled, exp_below, item, lane_maximum, lane_sum, load, multiply, scale, store, zeros
from deeplab.densecrf.softmax_kernels import BLOCK, find_shares
from deeplab.densecrf.sweep_kernels import CORNERS, blurred_at, first_row, lines_of_buffer, sweep_line

_FAR_CORNERS = 6  # of a simplex of position and colour: a constant, so that loops over them are unrolled


@inlined_part
def message_row(
    far: Floats, far_vertices: Ints, far_weights: Floats, far_factor: float,
    buffer: Floats, origin: int, near_places: Ints, near_weights: Floats, near_factor: float, pixel: int, lanes: int,
) -> Any:  # fmt: skip
    """far_factor * slice(far) + near_factor * slice(near) of one pixel."""
    near = zeros(lanes)
    for at in range(pixel * CORNERS, pixel * CORNERS + CORNERS):
        row = load(buffer, (origin + np.int64(item(near_places, at))) * lanes, lanes)
        near = add_scaled(near, item(near_weights, at), row)
    # In two halves, which do not wait for each other.
    half = pixel * _FAR_CORNERS + _FAR_CORNERS // 2
    first = sliced(far, far_vertices, far_weights, half - _FAR_CORNERS // 2, half, lanes)
    second = sliced(far, far_vertices, far_weights, half, half + _FAR_CORNERS // 2, lanes)
    return add_scaled(scale(near, near_factor), far_factor, add(first, second))


@functools.cache
def message_kernel(lanes: int) -> Compiled:
    """Compile or load the kernel of the message of both Gaussians."""

    @kernel
    def message(
        far: Floats, far_vertices: Ints, far_weights: Floats, far_factor: float, near_factor: float,
        places: Ints, weights: Floats, rows: Ints, lines: Ints, gaps: Ints, margin: int, stride: int, ring: int, width: int,
        values: Floats, messages: Floats, first: int, last: int,
    ) -> None:  # fmt: skip
        """Write what `message_row` gives for the pixels of rows first..last - 1."""
        buffer = np.zeros(lines_of_buffer(ring) * stride * lanes, np.float32)
        row = first_row(rows, first)
        begin = line = cleared = np.int64(rows[2 * row])
        done, origin = first, blurred_at(0, margin, stride, ring)
        while done < last:
            row, cleared = sweep_line(
                values, width, places, weights, rows, lines, gaps, margin, stride, ring, buffer,
                begin, line, row, cleared, lanes,
            )  # fmt: skip
            while done < last and np.int64(item(rows, 2 * done + 1)) <= line - 3:
                for pixel in range(done * width, done * width + width):
                    message_ = message_row(
                        far, far_vertices, far_weights, far_factor,
                        buffer, origin, places, weights, near_factor, pixel, lanes,
                    )  # fmt: skip
                    store(messages, pixel * lanes, message_)
                done += 1
            line += 1

    return message


@functools.cache
def update_kernel(lanes: int) -> Compiled:
    """Compile or load the kernel of a whole step where all classes that take part fit into one row."""

    @kernel
    def update(
        far: Floats, far_vertices: Ints, far_weights: Floats, far_factor: float, near_factor: float,
        places: Ints, weights: Floats, rows: Ints, lines: Ints, gaps: Ints, margin: int, stride: int, ring: int, width: int,
        beliefs: Floats, updated: Floats, likelihood: Floats, rest: Floats, sums: Floats, highest: float,
        first: int, last: int,
    ) -> None:  # fmt: skip
        """updated[i] = likelihood[i] * exp(message), normalised, for the pixels of rows first..last - 1.

        Args:
            beliefs, updated: may be the same array where one call does all rows.
            rest, sums, highest: as in `softmax`. All others: as in `message`.
        """
        buffer = np.zeros(lines_of_buffer(ring) * stride * lanes, np.float32)
        row = first_row(rows, first)
        begin = line = cleared = np.int64(rows[2 * row])
        done, origin = first, blurred_at(0, margin, stride, ring)
        tops, heard, totals = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
        while done < last:
            row, cleared = sweep_line(
                beliefs, width, places, weights, rows, lines, gaps, margin, stride, ring, buffer,
                begin, line, row, cleared, lanes,
            )  # fmt: skip
            while done < last and np.int64(item(rows, 2 * done + 1)) <= line - 3:
                for start in range(done * width, done * width + width, BLOCK):
                    n = min(BLOCK, done * width + width - start)
                    for pixel in range(start, start + n):
                        message_ = message_row(
                            far, far_vertices, far_weights, far_factor,
                            buffer, origin, places, weights, near_factor, pixel, lanes,
                        )  # fmt: skip
                        store(updated, pixel * lanes, message_)
                    for b in range(n):
                        at = (start + b) * lanes
                        message_ = load(updated, at, lanes)
                        top = lane_maximum(message_)
                        powers = multiply(load(likelihood, at, lanes), exp_below(message_, top))
                        store(updated, at, powers)
                        tops[b], heard[b], totals[b] = top, lane_sum(message_), lane_sum(powers)
                    find_shares(tops, heard, totals, rest, sums, highest, start, n)
                    for b in range(n):
                        at = (start + b) * lanes
                        store(updated, at, scale(load(updated, at, lanes), item(totals, b)))
                done += 1
            line += 1

    return update
