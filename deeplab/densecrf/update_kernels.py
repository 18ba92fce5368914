"""numba kernel of the mean-field step's last part where all classes that take part fit into one row.

It does what `message` of `row_kernels` and `softmax` of `softmax_kernels` do one after the other for several chunks.
Here no message goes through memory, and beliefs are written where the old ones were.
"""

import functools

import numpy as np

from deeplab.densecrf.arrays import Floats, Ints
from deeplab.densecrf.compiled import Compiled, kernel
from deeplab.densecrf.row_kernels import FAR_CORNERS, NEAR_CORNERS, sliced
from deeplab.densecrf.simd import add_scaled, exp_below, lane_maximum, lane_sum, load, multiply, scale, store
from deeplab.densecrf.softmax_kernels import weigh_dropped

_F1 = np.float32(1)


@functools.cache
def update_kernel(lanes: int) -> Compiled:
    """Compile or load the kernel for rows of so many lanes."""

    @kernel
    def update(
        far: Floats, far_vertices: Ints, far_weights: Floats, far_factor: float,
        near: Floats, near_vertices: Ints, near_weights: Floats, near_factor: float,
        beliefs: Floats, likelihood: Floats, rest: Floats, sums: Floats, highest: float, first: int, last: int,
    ) -> None:  # fmt: skip
        """beliefs[i] = likelihood[i] * exp(message), normalised, for the pixels first..last - 1.

        Args:
            far, near and what follows them: as in `message`.
            rest, sums, highest: as in `softmax`.
        """
        for pixel in range(first, last):
            row = scale(sliced(far, far_vertices, far_weights, FAR_CORNERS, pixel, lanes), far_factor)
            other = sliced(near, near_vertices, near_weights, NEAR_CORNERS, pixel, lanes)
            row = add_scaled(row, near_factor, other)
            top = lane_maximum(row)
            at = pixel * lanes
            powers = multiply(load(likelihood, at, lanes), exp_below(row, top))
            total = lane_sum(powers)
            if rest.size:
                total += weigh_dropped(rest, sums, pixel, lane_sum(row), top, highest)
            share = _F1 / total
            if rest.size:
                rest[2 * sums.size + pixel] *= share
            store(beliefs, at, scale(powers, share))

    return update
