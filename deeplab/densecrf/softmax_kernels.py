"""numba kernels of the mean-field step's last part: from messages to beliefs.

Messages, beliefs and likelihoods are rows in chunks, as `probability_kernels` lays them out.

What the messages of all classes sum to is known, since beliefs sum to one. What the kept classes leave of it is shared
among the dropped ones by their likelihood, and their exponential is taken to the first order (see `pruning`).
"""

import functools

import numpy as np

from deeplab.densecrf.arrays import Floats, Longs
from deeplab.densecrf.chunks import WIDTH
from deeplab.densecrf.compiled import Compiled, kernel, part
from deeplab.densecrf.simd import (
    add,
    exp_below,
    item,
    lane_maximum,
    lane_sum,
    load,
    maximum,
    multiply,
    scale,
    store,
    zeros,
)

_F0, _F1 = np.float32(0), np.float32(1)


@part
def weigh_dropped(rest: Floats, sums: Floats, pixel: int, heard: float, top: float, highest: float) -> float:
    """The sum of likelihood * exp(message - top) over the dropped classes of a pixel; their gain is noted.

    Args:
        rest: (4 * N) as `gather` wrote it. sums: (N) of the messages of all classes.
        heard: sum of the messages of the kept classes.
        highest: belief of dropped classes, which bounds their messages.
    """
    n_pixels = sums.size
    dropped, mean, of_all = item(rest, pixel), item(rest, n_pixels + pixel), item(sums, pixel)
    unheard = of_all - heard
    unheard = unheard if unheard > _F0 else _F0
    most = highest * of_all * dropped / mean
    unheard = unheard if unheard < most else most
    unmoved = lane_sum(exp_below(zeros(1), top))
    rest[2 * n_pixels + pixel] = unmoved
    rest[3 * n_pixels + pixel] = unheard / dropped
    return (dropped + unheard * mean) * unmoved  # type: ignore[no-any-return]


@functools.cache
def softmax_kernel(tail: int) -> Compiled:
    """Compile or load the softmax for a last chunk of so many lanes that follows others."""

    @kernel
    def softmax(
        messages: Floats, slots: Longs, likelihood: Floats, likelihood_slots: Longs, rest: Floats, sums: Floats,
        highest: float, first: int, last: int,
    ) -> None:  # fmt: skip
        """Replace the messages of pixels first..last - 1 by likelihood * exp(message), normalised.

        Args:
            rest: (4 * N) as in `gather`, factor and gain written; (0) if no class is dropped.
            sums, highest: as in `weigh_dropped`.
        """
        n_full = slots.size - 1
        for pixel in range(first, last):
            tail_at = slots[n_full] + pixel * tail
            tail_row = load(messages, tail_at, tail)
            greatest = zeros(WIDTH)
            both = zeros(WIDTH)
            for k in range(n_full):
                row = load(messages, slots[k] + pixel * WIDTH, WIDTH)
                greatest = maximum(greatest, row)
                both = add(both, row)
            top = max(lane_maximum(tail_row), lane_maximum(greatest))
            heard = lane_sum(tail_row) + lane_sum(both)
            tail_prior = load(likelihood, likelihood_slots[n_full] + pixel * tail, tail)
            tail_row = multiply(tail_prior, exp_below(tail_row, top))
            shares = zeros(WIDTH)
            for k in range(n_full):
                at = slots[k] + pixel * WIDTH
                prior = load(likelihood, likelihood_slots[k] + pixel * WIDTH, WIDTH)
                row = multiply(prior, exp_below(load(messages, at, WIDTH), top))
                store(messages, at, row)
                shares = add(shares, row)
            total = lane_sum(tail_row) + lane_sum(shares)
            if rest.size:
                total += weigh_dropped(rest, sums, pixel, heard, top, highest)
                rest[2 * sums.size + pixel] /= total
            store(messages, tail_at, scale(tail_row, _F1 / total))
            for k in range(n_full):
                at = slots[k] + pixel * WIDTH
                store(messages, at, scale(load(messages, at, WIDTH), _F1 / total))

    return softmax
