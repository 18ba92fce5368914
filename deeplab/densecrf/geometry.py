"""Place the features of an image in the permutohedral lattice, and give its vertices 64-bit keys."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deeplab.densecrf.errors import CrfError

# The greatest elevated coordinate at which float32 still tells simplices apart, so that ranks stay in range.
_MAX_COORDINATE = 2**20
_MAX_KEY = 2**62


@dataclass(frozen=True)
class Geometry:
    """Where the features of an image lie in the lattice, and how its vertices are packed into 64-bit keys."""

    factors: NDArray[np.float32]  # (d) diagonal of the elevation matrix
    steps: NDArray[np.int64]  # (d + 1) what one period along each coordinate adds to a key; the last counts most
    origin: int  # key of the vertex at zero
    size: int  # keys lie in 0..size - 1

    @property
    def corners(self) -> int:
        """Vertices of a simplex, d + 1."""
        return len(self.steps)

    @property
    def alpha(self) -> float:
        """The reference's constant of scale for d features, 1 / (1 + 2**-d)."""
        return 1 / (1 + 2.0 ** (1 - self.corners))


def geometry(height: int, width: int, xy_std: float, rgb_std: float | None, copies: int = 1) -> Geometry:
    """Lay out the keys for the features of an image.

    Args:
        height, width: pixels.
        xy_std: standard deviation in position, pixels.
        rgb_std: standard deviation in colour, 0..255; None for a lattice of positions only.
        copies: how many lattices are to lie side by side, key + copy * size.

    Raises:
        CrfError: if the lattice would have more places than 64-bit keys can name.
    """
    extents = [(width - 1) / xy_std, (height - 1) / xy_std] + ([] if rgb_std is None else [255 / rgb_std] * 3)
    d = len(extents)
    # The standard deviation that splat, blur and slice have together (Adams et al., p. 6), on E's diagonal (p. 5).
    deviation = np.float32(math.sqrt(2 / 3) * (d + 1))
    factors = np.array([1 / math.sqrt((i + 1) * (i + 2)) * float(deviation) for i in range(d)], np.float32)
    scaled = [extent * float(factor) for extent, factor in zip(extents, factors, strict=True)]
    if not sum(scaled) * d < _MAX_COORDINATE:
        raise _too_fine()
    # Quotients are coordinates / (d + 1), widened for rounding, wrapping and the neighbours that blurring asks for.
    low = [math.floor(-j * scaled[j - 1] / (d + 1)) - 4 for j in range(1, d + 1)]
    high = [math.ceil(sum(scaled[j:]) / (d + 1)) + 4 for j in range(1, d + 1)]
    spans = [top - bottom + 1 for bottom, top in zip(low, high, strict=True)]
    *steps, size = itertools.accumulate(spans, lambda step, span: step * span, initial=8)
    if size * copies >= _MAX_KEY:
        raise _too_fine()
    origin = -sum(bottom * step for bottom, step in zip(low, steps, strict=True))
    return Geometry(factors, np.array([0, *steps], np.int64), origin, size)


def _too_fine() -> CrfError:
    return CrfError(
        "The CRF's standard deviations are too small for the image: its lattice has more places than can be numbered;"
        " use larger deviations or a smaller image."
    )
