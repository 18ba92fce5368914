"""Kernels of the last part of a mean-field step: turn messages into beliefs.

What the messages of all classes sum to is known, since beliefs sum to one. What the kept classes leave of it is shared
among the dropped ones by their likelihood, and their exponential is taken to the first order (see `pruning`).
"""

import functools
from typing import NamedTuple

import numpy as np

from deeplab.densecrf.cpu.kernels.arrays import Floats
from deeplab.densecrf.cpu.kernels.chunks import WIDTH, Rest, Rows
from deeplab.densecrf.cpu.kernels.compiled import Compiled, inlined_part, kernel, part
from deeplab.densecrf.cpu.kernels.memory import item, load, store
from deeplab.densecrf.cpu.kernels.simd import (
    add,
    divide,
    exp_below,
    inverse,
    lane_maximum,
    lane_sum,
    maximum,
    minimum,
    multiply,
    scale,
    subtract,
    zeros,
)

BLOCK = 64  # pixels that are worked on at once: their sums stay in the first-level cache, and pixels share an operation
_GROUP = 8  # pixels of one such operation
_F0, _F1 = np.float32(0), np.float32(1)


class Block(NamedTuple):
    """What `find_shares` takes of each pixel of a block, (BLOCK) each."""

    tops: Floats  # the greatest message
    heard: Floats  # the sum of the messages of the kept classes; unused if no class is dropped
    totals: Floats  # the sum of their likelihood * exp(message - top); replaced by the share of each


@part
def new_block() -> Block:
    """Make room for one block."""
    return Block(np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32))


@part
def find_shares(block: Block, rest: Rest, sums: Floats, highest: float, begin: int, n: int) -> None:
    """Finish the softmax of pixels begin..begin + n - 1 but for the multiplication of each belief by its pixel's share.

    Args:
        block: the totals are replaced by the share, 1 / the sum over all classes.
        rest: factor and gain are written.
        sums: (N) of the messages of all classes. highest: belief of dropped classes, which bounds their messages.
    """
    if rest.factor.size == 0:
        for b in range(n):
            block.totals[b] = _F1 / block.totals[b]
        return
    whole = n - n % _GROUP
    for b in range(0, whole, _GROUP):
        _share(block, rest, sums, highest, begin + b, b, _GROUP)
    for b in range(whole, n):
        _share(block, rest, sums, highest, begin + b, b, 1)


@inlined_part
def _share(block: Block, rest: Rest, sums: Floats, highest: float, pixel: int, b: int, lanes: int) -> None:
    """Weigh the dropped classes of so many pixels in, whose messages are what the others leave of the known sum."""
    dropped, mean = load(rest.likelihood, pixel, lanes), load(rest.mean, pixel, lanes)
    of_all = load(sums, pixel, lanes)
    unheard = maximum(subtract(of_all, load(block.heard, b, lanes)), zeros(lanes))
    unheard = minimum(unheard, scale(divide(multiply(of_all, dropped), mean), highest))
    unmoved = exp_below(scale(load(block.tops, b, lanes), -_F1), _F0)
    weight = multiply(add(dropped, multiply(unheard, mean)), unmoved)
    share = inverse(add(load(block.totals, b, lanes), weight))
    store(block.totals, b, share)
    store(rest.factor, pixel, multiply(unmoved, share))
    store(rest.gain, pixel, divide(unheard, dropped))


@functools.cache
def softmax_kernel(tail: int) -> Compiled:
    """Compile or load the softmax for a last chunk of so many lanes, whether or not others precede it."""

    @kernel
    def softmax(
        messages: Rows, likelihood: Rows, rest: Rest, sums: Floats, highest: float, first: int, last: int
    ) -> None:  # fmt: skip
        """Replace the messages of pixels first..last - 1 by likelihood * exp(message), normalised.

        Args:
            rest, sums, highest: as in `find_shares`.
        """
        rows, slots = messages.values, messages.slots
        n_full = slots.size - 1
        block = new_block()
        for begin in range(first, last, BLOCK):
            n = min(BLOCK, last - begin)
            for b in range(n):
                pixel = begin + b
                tail_at = slots[n_full] + pixel * tail
                tail_row = load(rows, tail_at, tail)
                greatest, both = zeros(WIDTH), zeros(WIDTH)
                for k in range(n_full):
                    row = load(rows, slots[k] + pixel * WIDTH, WIDTH)
                    greatest, both = maximum(greatest, row), add(both, row)
                top = max(lane_maximum(tail_row), lane_maximum(greatest))
                block.tops[b], block.heard[b] = top, lane_sum(tail_row) + lane_sum(both)
                prior = load(likelihood.values, likelihood.slots[n_full] + pixel * tail, tail)
                tail_row = multiply(prior, exp_below(tail_row, top))
                store(rows, tail_at, tail_row)
                both = zeros(WIDTH)
                for k in range(n_full):
                    at = slots[k] + pixel * WIDTH
                    prior = load(likelihood.values, likelihood.slots[k] + pixel * WIDTH, WIDTH)
                    row = multiply(prior, exp_below(load(rows, at, WIDTH), top))
                    store(rows, at, row)
                    both = add(both, row)
                block.totals[b] = lane_sum(tail_row) + lane_sum(both)
            find_shares(block, rest, sums, highest, begin, n)
            for k in range(n_full):
                for b in range(n):
                    at = slots[k] + (begin + b) * WIDTH
                    store(rows, at, scale(load(rows, at, WIDTH), item(block.totals, b)))
            for b in range(n):
                at = slots[n_full] + (begin + b) * tail
                store(rows, at, scale(load(rows, at, tail), item(block.totals, b)))

    return softmax
