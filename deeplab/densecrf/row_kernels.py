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
_AHEAD = 56  # rows that lie anywhere are asked for so many steps before they are needed
# Corners of a simplex of position and colour, and of position: constants, so that loops over them are unrolled.
FAR_CORNERS, NEAR_CORNERS = 6, 3


class RowKernels(NamedTuple):
    """The kernels compiled for one number of lanes."""

    splat: Compiled
    blur: Compiled
    slice: Compiled
    message: Compiled


@functools.cache
def row_kernels(lanes: int) -> RowKernels:
    """Compile or load the kernels for rows of so many lanes: 1, or 4 to 32 in steps of four."""
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
        values: Floats, first: int, last: int,
    ) -> None:  # fmt: skip
        """values[i] = factor * sum of weight * vertex_values over pixel i's corners."""
        for pixel in range(first, last):
            row = sliced(vertex_values, vertices, weights, corners, pixel, lanes)
            store(values, pixel * lanes, scale(row, factor))

    return slice_


@inlined_part
def sliced(vertex_values: Floats, vertices: Ints, weights: Floats, corners: int, pixel: int, lanes: int) -> Any:
    """The row of one pixel, interpolated between its vertices."""
    total = zeros(lanes)
    for at in range(pixel * corners, pixel * corners + corners):
        row = load(vertex_values, np.int64(item(vertices, at)) * lanes, lanes)
        total = add_scaled(total, item(weights, at), row)
    return total


def _message(lanes: int) -> Compiled:
    @kernel
    def message(
        far: Floats, far_vertices: Ints, far_weights: Floats, far_factor: float,
        near: Floats, near_vertices: Ints, near_weights: Floats, near_factor: float,
        messages: Floats, first: int, last: int,
    ) -> None:  # fmt: skip
        """messages[i] = far_factor * slice(far)[i] + near_factor * slice(near)[i], two lattices in one pass."""
        for pixel in range(first, last):
            row = scale(sliced(far, far_vertices, far_weights, FAR_CORNERS, pixel, lanes), far_factor)
            other = sliced(near, near_vertices, near_weights, NEAR_CORNERS, pixel, lanes)
            store(messages, pixel * lanes, add_scaled(row, near_factor, other))

    return message
