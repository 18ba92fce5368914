"""Kernels of a mean-field step that make messages, or new beliefs, of what both lattices make of the beliefs.

They sweep over the image, and filter by the lattice of positions on the way (see `sweep`).
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from deeplab.densecrf.cpu.kernels.arrays import Floats, Ints
from deeplab.densecrf.cpu.kernels.chunks import Rest
from deeplab.densecrf.cpu.kernels.compiled import Compiled, inlined_part, kernel
from deeplab.densecrf.cpu.kernels.lattice import sliced
from deeplab.densecrf.cpu.kernels.memory import item, load, store
from deeplab.densecrf.cpu.kernels.simd import add, add_scaled, exp_below, lane_maximum, lane_sum, multiply, scale
from deeplab.densecrf.cpu.kernels.softmax import BLOCK, Block, find_shares, new_block
from deeplab.densecrf.cpu.kernels.sweep import (
    BEHIND,
    Lines,
    blur_lines,
    buffer_size,
    first_row,
    slice_blurred,
    splat_rows,
)

_CORNERS = 6  # of a simplex of position and colour: a constant, so that loops over them are unrolled


class Filtered(NamedTuple):
    """What the lattice of position and colour holds when it is blurred, and how messages are made of it."""

    vertex_values: Floats  # (M * lanes)
    vertices: Ints  # (N * 6) as in `Lattice`
    weights: Floats  # (N * 6) as in `Lattice`
    factor: float  # by which what was sliced is multiplied
    near_factor: float  # and by which what the lattice of positions makes


class Step(NamedTuple):
    """The rows of a step, (N * lanes) each."""

    beliefs: Floats
    updated: Floats  # the beliefs after the step; may be the array of those before it where one call does all rows
    likelihood: Floats


@inlined_part
def _message(filtered: Filtered, lines: Lines, buffer: Floats, pixel: int, lanes: int) -> Any:
    """Make the row of one pixel: both slices, each times its factor."""
    # In two halves, which do not wait for each other.
    begin, end = pixel * _CORNERS, (pixel + 1) * _CORNERS
    half = begin + _CORNERS // 2
    first = sliced(filtered.vertex_values, 0, filtered.vertices, filtered.weights, begin, half, lanes)
    second = sliced(filtered.vertex_values, 0, filtered.vertices, filtered.weights, half, end, lanes)
    near = scale(slice_blurred(lines, buffer, pixel, lanes), np.float32(filtered.near_factor))
    return add_scaled(near, np.float32(filtered.factor), add(first, second))


@functools.cache
def message_kernel(lanes: int) -> Compiled:
    """Compile or load the kernel of the message of both Gaussians."""

    @kernel
    def message(filtered: Filtered, lines: Lines, values: Floats, messages: Floats, first: int, last: int) -> None:
        """Write the messages of the pixels in rows first..last - 1; `values` are those that were filtered."""
        buffer = np.zeros(buffer_size(lines, lanes), np.float32)
        row, done = first_row(lines, first), first
        begin = line = untouched = np.int64(lines.rows[2 * row])
        while done < last:
            row, untouched = splat_rows(values, lines, buffer, row, untouched, line + 1, lanes)
            blur_lines(lines, buffer, begin, line, lanes)
            while done < last and item(lines.rows, 2 * done + 1) <= line - BEHIND:
                for pixel in range(done * lines.width, (done + 1) * lines.width):
                    store(messages, pixel * lanes, _message(filtered, lines, buffer, pixel, lanes))
                done += 1
            line += 1

    return message


@functools.cache
def update_kernel(lanes: int) -> Compiled:
    """Compile or load the kernel of a whole step where all classes that take part fit into one row."""

    @kernel
    def update(
        filtered: Filtered, lines: Lines, step: Step, rest: Rest, sums: Floats, highest: float, first: int, last: int
    ) -> None:  # fmt: skip
        """Write likelihood * exp(message), normalised, for the pixels in rows first..last - 1.

        Args:
            filtered, lines: as in `message`.
            rest, sums, highest: as in `find_shares`.
        """
        updated = step.updated
        buffer = np.zeros(buffer_size(lines, lanes), np.float32)
        row, done = first_row(lines, first), first
        begin = line = untouched = np.int64(lines.rows[2 * row])
        block = new_block()
        while done < last:
            row, untouched = splat_rows(step.beliefs, lines, buffer, row, untouched, line + 1, lanes)
            blur_lines(lines, buffer, begin, line, lanes)
            while done < last and item(lines.rows, 2 * done + 1) <= line - BEHIND:
                end = (done + 1) * lines.width
                for start in range(done * lines.width, end, BLOCK):
                    n = min(BLOCK, end - start)
                    for pixel in range(start, start + n):
                        store(updated, pixel * lanes, _message(filtered, lines, buffer, pixel, lanes))
                    _exponentiate(updated, step.likelihood, start, n, block, lanes)
                    find_shares(block, rest, sums, highest, start, n)
                    for b in range(n):
                        at = (start + b) * lanes
                        store(updated, at, scale(load(updated, at, lanes), item(block.totals, b)))
                done += 1
            line += 1

    return update


@inlined_part
def _exponentiate(rows: Floats, likelihood: Floats, start: int, n: int, block: Block, lanes: int) -> None:
    """Replace messages by likelihood * exp(message - top), and note for each pixel what `find_shares` takes."""
    for b in range(n):
        at = (start + b) * lanes
        messages = load(rows, at, lanes)
        top = lane_maximum(messages)
        powers = multiply(load(likelihood, at, lanes), exp_below(messages, top))
        store(rows, at, powers)
        block.tops[b], block.heard[b], block.totals[b] = top, lane_sum(messages), lane_sum(powers)
