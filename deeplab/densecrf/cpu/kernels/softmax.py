"""numba kernels of the mean-field step's last part: from messages to beliefs.

Messages, beliefs and likelihoods are rows in chunks, as `probability` lays them out.

What the messages of all classes sum to is known, since beliefs sum to one. What the kept classes leave of it is shared
among the dropped ones by their likelihood, and their exponential is taken to the first order (see `pruning`).
"""

import functools

import numpy as np

from deeplab.densecrf.cpu.kernels.arrays import Floats, Longs
from deeplab.densecrf.cpu.kernels.chunks import WIDTH
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


@part
def find_shares(
    tops: Floats, heard: Floats, totals: Floats, rest: Floats, sums: Floats, highest: float, begin: int, n: int
) -> None:
    """Finish the softmax of pixels begin..begin + n - 1 but for the multiplication of each belief by its pixel's share.

    Args:
        tops: (n) the greatest message of each pixel. heard: (n) the sum of its messages; unused if no class is dropped.
        totals: (n) the sum of its likelihood * exp(message - top); replaced by the share, 1 / the sum over all classes.
        rest: (4 * N) as `gather` wrote it, factor and gain written; (0) if no class is dropped.
        sums: (N) of the messages of all classes. highest: belief of dropped classes, which bounds their messages.
    """
    if rest.size == 0:
        for b in range(n):
            totals[b] = _F1 / totals[b]
        return
    whole = n - n % _GROUP
    for b in range(0, whole, _GROUP):
        _share(tops, heard, totals, rest, sums, highest, begin + b, b, _GROUP)
    for b in range(whole, n):
        _share(tops, heard, totals, rest, sums, highest, begin + b, b, 1)


@inlined_part
def _share(
    tops: Floats, heard: Floats, totals: Floats, rest: Floats, sums: Floats, highest: float, pixel: int, b: int,
    lanes: int,
) -> None:  # fmt: skip
    """Weigh the dropped classes of so many pixels in, whose messages are what the others leave of the known sum."""
    n_pixels = sums.size
    dropped, mean = load(rest, pixel, lanes), load(rest, n_pixels + pixel, lanes)
    of_all = load(sums, pixel, lanes)
    unheard = maximum(subtract(of_all, load(heard, b, lanes)), zeros(lanes))
    unheard = minimum(unheard, scale(divide(multiply(of_all, dropped), mean), highest))
    unmoved = exp_below(scale(load(tops, b, lanes), -_F1), _F0)
    weight = multiply(add(dropped, multiply(unheard, mean)), unmoved)
    share = inverse(add(load(totals, b, lanes), weight))
    store(totals, b, share)
    store(rest, 2 * n_pixels + pixel, multiply(unmoved, share))
    store(rest, 3 * n_pixels + pixel, divide(unheard, dropped))


@functools.cache
def softmax_kernel(tail: int) -> Compiled:
    """Compile or load the softmax for a last chunk of so many lanes, whether or not others precede it."""

    @kernel
    def softmax(
        messages: Floats, slots: Longs, likelihood: Floats, likelihood_slots: Longs, rest: Floats, sums: Floats,
        highest: float, first: int, last: int,
    ) -> None:  # fmt: skip
        """Replace the messages of pixels first..last - 1 by likelihood * exp(message), normalised.

        Args:
            rest: (4 * N) as in `gather`, factor and gain written; (0) if no class is dropped.
            sums, highest: as in `find_shares`.
        """
        n_full = slots.size - 1
        tops, heard, totals = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
        for begin in range(first, last, BLOCK):
            n = min(BLOCK, last - begin)
            for b in range(n):
                pixel = begin + b
                tail_at = slots[n_full] + pixel * tail
                tail_row = load(messages, tail_at, tail)
                greatest, both = zeros(WIDTH), zeros(WIDTH)
                for k in range(n_full):
                    row = load(messages, slots[k] + pixel * WIDTH, WIDTH)
                    greatest, both = maximum(greatest, row), add(both, row)
                top = max(lane_maximum(tail_row), lane_maximum(greatest))
                tops[b], heard[b] = top, lane_sum(tail_row) + lane_sum(both)
                prior = load(likelihood, likelihood_slots[n_full] + pixel * tail, tail)
                tail_row = multiply(prior, exp_below(tail_row, top))
                store(messages, tail_at, tail_row)
                both = zeros(WIDTH)
                for k in range(n_full):
                    at = slots[k] + pixel * WIDTH
                    prior = load(likelihood, likelihood_slots[k] + pixel * WIDTH, WIDTH)
                    row = multiply(prior, exp_below(load(messages, at, WIDTH), top))
                    store(messages, at, row)
                    both = add(both, row)
                totals[b] = lane_sum(tail_row) + lane_sum(both)
            find_shares(tops, heard, totals, rest, sums, highest, begin, n)
            for k in range(n_full):
                for b in range(n):
                    at = slots[k] + (begin + b) * WIDTH
                    store(messages, at, scale(load(messages, at, WIDTH), item(totals, b)))
            for b in range(n):
                at = slots[n_full] + (begin + b) * tail
                store(messages, at, scale(load(messages, at, tail), item(totals, b)))

    return softmax
