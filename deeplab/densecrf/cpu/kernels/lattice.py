"""Kernels of the lattice filter on rows of classes, one for each phase: splat, blur, slice.

A chunk holds the values of up to 32 classes as rows: (N, lanes) for pixels, (M, lanes) for vertices, both flat. Threads
share the work by its first and last item, or by lanes where all items are added to the same vertices.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from deeplab.densecrf.cpu.kernels.arrays import Floats, Ints
from deeplab.densecrf.cpu.kernels.compiled import Compiled, inlined_part, kernel
from deeplab.densecrf.cpu.kernels.memory import item, load, prefetch, store
from deeplab.densecrf.cpu.kernels.simd import add, add_scaled, zeros

_HALF = np.float32(0.5)
_AHEAD = 56  # rows that lie anywhere are asked for so many steps before they are needed


class Simplices(NamedTuple):
    """The vertices around each pixel."""

    vertices: Ints  # (N * corners)
    weights: Floats  # (N * corners)
    corners: int  # of a simplex


@functools.cache
def splat_kernel(lanes: int) -> Compiled:
    """Compile or load the kernel for so many lanes of a row: 1, or 4 to 32 in steps of four; so do those below."""

    @kernel
    def splat(values: Floats, simplices: Simplices, vertex_values: Floats, row: int, lane: int) -> None:
        """Add weight * values[i] to each vertex of each pixel i, in the lanes from `lane` of rows of `row` values."""
        vertices, weights, corners = simplices.vertices, simplices.weights, simplices.corners
        for pixel in range(vertices.size // corners):
            value = load(values, pixel * row + lane, lanes)
            for at in range(pixel * corners, pixel * corners + corners):
                place = np.int64(item(vertices, at)) * row + lane
                store(vertex_values, place, add_scaled(load(vertex_values, place, lanes), item(weights, at), value))

    return splat


@functools.cache
def blur_kernel(lanes: int) -> Compiled:
    """Compile or load the kernel that blurs along whole chains."""

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


@functools.cache
def slice_kernel(lanes: int) -> Compiled:
    """Compile or load the kernel that interpolates at pixels."""

    @kernel
    def slice_(
        vertex_values: Floats, simplices: Simplices, factor: float, add_up: bool, values: Floats, first: int, last: int
    ) -> None:  # fmt: skip
        """Write factor * the sum of weight * vertex_values over the corners of each of the pixels first..last - 1.

        Args:
            add_up: whether to add that to what `values` holds.
        """
        corners = simplices.corners
        for pixel in range(first, last):
            total = load(values, pixel * lanes, lanes) if add_up else zeros(lanes)
            row = sliced(
                vertex_values, 0, simplices.vertices, simplices.weights, pixel * corners, (pixel + 1) * corners, lanes
            )
            store(values, pixel * lanes, add_scaled(total, factor, row))

    return slice_


@inlined_part
def sliced(rows: Floats, origin: int, places: Ints, weights: Floats, first: int, last: int, lanes: int) -> Any:
    """Sum up weight * row over the entries first..last - 1 of `places`, which count from row `origin`."""
    total = zeros(lanes)
    for at in range(first, last):
        row = load(rows, (origin + np.int64(item(places, at))) * lanes, lanes)
        total = add_scaled(total, item(weights, at), row)
    return total
