"""numba kernels of the lattice filter on rows of classes: splat, blur, slice, and the message of both Gaussians.

A chunk holds the values of up to 32 classes as rows: (N, lanes) for pixels, (M, lanes) for vertices, both flat. Each
work range is given by first and last, so that threads share the work.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from deeplab.densecrf.arrays import Floats, Ints
from deeplab.densecrf.compiled import Compiled, inlined_part, kernel
from deeplab.densecrf.simd import add, add_scaled, item, load, prefetch, scale, store, zeros

_HALF = np.float32(0.5)
_AHEAD = 40  # rows that lie anywhere are asked for so many steps before they are needed


class RowKernels(NamedTuple):
    """The kernels compiled for one number of lanes."""

    splat: Compiled
    blur: Compiled
    slice: Compiled
    message: Compiled


@functools.cache
def row_kernels(lanes: int) -> RowKernels:
    """Compile or load the kernels for rows of so many lanes: 1, 8, 16, 24 or 32."""
    return RowKernels(_splat(lanes), _blur(lanes), _slice(lanes), _message(lanes))


def _splat(lanes: int) -> Compiled:
    @kernel
    def splat(
        values: Floats, starts: Ints, pixels: Ints, weights: Floats, vertex_values: Floats, first: int, last: int
    ) -> None:
        """vertex_values[m] = sum of weight * values[pixel] over row m of the index."""
        final = np.int64(starts[last]) - 1
        for vertex in range(first, last):
            total = zeros(lanes)
            for at in range(np.int64(starts[vertex]), np.int64(starts[vertex + 1])):
                prefetch(values, np.int64(item(pixels, min(at + _AHEAD, final))) * lanes, lanes)
                total = add_scaled(total, item(weights, at), load(values, np.int64(item(pixels, at)) * lanes, lanes))
            store(vertex_values, vertex * lanes, total)

    return splat


def _blur(lanes: int) -> Compiled:
    @kernel
    def blur(vertex_values: Floats, items: Ints, starts: Ints, first: int, last: int) -> None:
        """Add half of both neighbours to each vertex along chains first..last - 1, in place."""
        final = np.int64(starts[last]) - 1
        for chain in range(first, last):
            begin, end = np.int64(starts[chain]), np.int64(starts[chain + 1])
            here = np.int64(item(items, begin)) * lanes
            before = zeros(lanes)
            value = load(vertex_values, here, lanes)
            for at in range(begin + 1, end):
                prefetch(vertex_values, np.int64(item(items, min(at + _AHEAD, final))) * lanes, lanes)
                there = np.int64(item(items, at)) * lanes
                after = load(vertex_values, there, lanes)
                store(vertex_values, here, add_scaled(value, _HALF, add(before, after)))
                before, value, here = value, after, there
            store(vertex_values, here, add_scaled(value, _HALF, before))

    return blur


def _slice(lanes: int) -> Compiled:
    @kernel
    def slice_(
        vertex_values: Floats, vertices: Ints, weights: Floats, corners: int, factor: float,
        values: Floats, accumulate: bool, first: int, last: int,
    ) -> None:  # fmt: skip
        """values[i] = (values[i] if accumulate) + factor * sum of weight * vertex_values over pixel i's corners."""
        for pixel in range(first, last):
            kept = load(values, pixel * lanes, lanes) if accumulate else zeros(lanes)
            row = _sliced(vertex_values, vertices, weights, corners, pixel, lanes)
            store(values, pixel * lanes, add_scaled(kept, factor, row))

    return slice_


@inlined_part
def _sliced(vertex_values: Floats, vertices: Ints, weights: Floats, corners: int, pixel: int, lanes: int) -> Any:
    """The row of one pixel, interpolated between its vertices."""
    total = zeros(lanes)
    for at in range(pixel * corners, pixel * corners + corners):
        row = load(vertex_values, np.int64(item(vertices, at)) * lanes, lanes)
        total = add_scaled(total, item(weights, at), row)
    return total


def _message(lanes: int) -> Compiled:
    @kernel
    def message(
        vertex_values: Floats, vertices: Ints, weights: Floats, corners: int, factor: float,
        values: Floats, kinds: Ints, tap_starts: Ints, tap_offsets: Ints, tap_weights: Floats, tap_factor: float,
        messages: Floats, width: int, first: int, last: int,
    ) -> None:  # fmt: skip
        """messages[i] = factor * slice(vertex_values)[i] + tap_factor * stencil(values)[i], rows first..last - 1.

        The taps of pixel (x, y) are row `kinds[y] * width + x` of the stencil; offsets count pixels from it. Rows of
        one kind have the same taps, so four of them are computed together: each tap is read once, and no addition
        waits for the one before.
        """
        down = width * lanes
        y = first
        while y < last:
            n_rows = 4 if y + 3 < last and kinds[y] == kinds[y + 1] == kinds[y + 2] == kinds[y + 3] else 1
            for x in range(width):
                taps = np.int64(kinds[y]) * width + x
                begin, end = np.int64(tap_starts[taps]), np.int64(tap_starts[taps + 1])
                here = (y * width + x) * lanes
                a, b, c, d = zeros(lanes), zeros(lanes), zeros(lanes), zeros(lanes)
                if n_rows == 4:
                    for at in range(begin, end):
                        weight, there = item(tap_weights, at), here + item(tap_offsets, at) * lanes
                        a = add_scaled(a, weight, load(values, there, lanes))
                        b = add_scaled(b, weight, load(values, there + down, lanes))
                        c = add_scaled(c, weight, load(values, there + 2 * down, lanes))
                        d = add_scaled(d, weight, load(values, there + 3 * down, lanes))
                    store(messages, here + down, scale(b, tap_factor))
                    store(messages, here + 2 * down, scale(c, tap_factor))
                    store(messages, here + 3 * down, scale(d, tap_factor))
                else:
                    for at in range(begin, end):
                        there = here + item(tap_offsets, at) * lanes
                        a = add_scaled(a, item(tap_weights, at), load(values, there, lanes))
                store(messages, here, scale(a, tap_factor))
            # A loop of its own: the vertices' rows would push the values of the next taps out of the cache.
            for pixel in range(y * width, (y + n_rows) * width):
                row = _sliced(vertex_values, vertices, weights, corners, pixel, lanes)
                store(messages, pixel * lanes, add_scaled(load(messages, pixel * lanes, lanes), factor, row))
            y += n_rows

    return message
