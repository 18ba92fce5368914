"""numba kernels of the lattice filter on rows of classes: splat, blur, slice, and the message of both Gaussians.

A chunk holds the values of up to 16 classes as rows: (N, lanes) for pixels, (M, lanes) for vertices, both flat. A row
is one vector (see `simd`), and no more than a cache line. Each work range is given by first and last, so that threads
share the work.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from deeplab.densecrf.compiled import FLOAT, FLOATS, INT, INTS, kernel
from deeplab.densecrf.simd import add, add_scaled, load, scale, store, zeros

_HALF = np.float32(0.5)


class RowKernels(NamedTuple):
    """The kernels compiled for one number of lanes."""

    splat: Callable[..., None]
    blur: Callable[..., None]
    slice: Callable[..., None]
    message: Callable[..., None]


@functools.cache
def row_kernels(lanes: int) -> RowKernels:
    """Compile or load the kernels for rows of so many lanes: 1, 8 or 16."""
    return RowKernels(_splat(lanes), _blur(lanes), _slice(lanes), _message(lanes))


def _splat(lanes: int) -> Callable[..., None]:
    @kernel(FLOATS, INTS, INTS, FLOATS, FLOATS, INT, INT)
    def splat(values, starts, pixels, weights, vertex_values, first, last):  # type: ignore[no-untyped-def]
        """vertex_values[m] = sum of weight * values[pixel] over row m of the index."""
        for vertex in range(first, last):
            total = zeros(lanes)
            for at in range(starts[vertex], starts[vertex + 1]):
                total = add_scaled(total, weights[at], load(values, np.int64(pixels[at]) * lanes, lanes))
            store(vertex_values, vertex * lanes, total)

    return splat


def _blur(lanes: int) -> Callable[..., None]:
    @kernel(FLOATS, INTS, INTS, INT, INT)
    def blur(vertex_values, items, starts, first, last):  # type: ignore[no-untyped-def]
        """Add half of both neighbours to each vertex along chains first..last - 1, in place."""
        for chain in range(first, last):
            here = np.int64(items[starts[chain]]) * lanes
            before = zeros(lanes)
            value = load(vertex_values, here, lanes)
            for at in range(starts[chain] + 1, starts[chain + 1]):
                there = np.int64(items[at]) * lanes
                after = load(vertex_values, there, lanes)
                store(vertex_values, here, add_scaled(value, _HALF, add(before, after)))
                before, value, here = value, after, there
            store(vertex_values, here, add_scaled(value, _HALF, before))

    return blur


def _slice(lanes: int) -> Callable[..., None]:
    @kernel(FLOATS, INTS, FLOATS, INT, FLOAT, FLOATS, INT, INT, INT)
    def slice_(vertex_values, vertices, weights, corners, factor, values, accumulate, first, last):  # type: ignore[no-untyped-def]
        """values[i] = (values[i] if accumulate) + factor * sum of weight * vertex_values over the corners of pixel i."""
        for pixel in range(first, last):
            total = zeros(lanes)
            for at in range(pixel * corners, pixel * corners + corners):
                total = add_scaled(total, weights[at], load(vertex_values, np.int64(vertices[at]) * lanes, lanes))
            kept = load(values, pixel * lanes, lanes) if accumulate else zeros(lanes)
            store(values, pixel * lanes, add_scaled(kept, factor, total))

    return slice_


def _message(lanes: int) -> Callable[..., None]:
    @kernel(FLOATS, INTS, FLOATS, INT, FLOAT, FLOATS, INTS, INTS, INTS, FLOATS, FLOAT, FLOATS, INT, INT, INT)
    def message(  # type: ignore[no-untyped-def]
        vertex_values, vertices, weights, corners, factor,
        values, kinds, tap_starts, tap_offsets, tap_weights, tap_factor,
        messages, width, first, last,
    ):  # fmt: skip
        """messages[i] = factor * slice(vertex_values)[i] + tap_factor * stencil(values)[i] for image rows first..last - 1.

        The taps of pixel (x, y) are row `kinds[y] * width + x` of the stencil; offsets count pixels from it.
        """
        for y in range(first, last):
            for x in range(width):
                pixel = y * width + x
                total = zeros(lanes)
                for at in range(pixel * corners, pixel * corners + corners):
                    total = add_scaled(total, weights[at], load(vertex_values, np.int64(vertices[at]) * lanes, lanes))
                near = zeros(lanes)
                row = np.int64(kinds[y]) * width + x
                for tap in range(tap_starts[row], tap_starts[row + 1]):
                    near = add_scaled(near, tap_weights[tap], load(values, (pixel + tap_offsets[tap]) * lanes, lanes))
                store(messages, pixel * lanes, add_scaled(scale(near, tap_factor), factor, total))

    return message
