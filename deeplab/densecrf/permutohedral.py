"""Building the permutohedral lattice of one image.

Source: A. Adams, J. Baek, M. Davis, "Fast high-dimensional filtering using the permutohedral lattice", Eurographics
2010; constants and details as in the code of P. Krähenbühl and V. Koltun (NIPS 2011), so that the answer is the same.
"""

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deeplab.densecrf import lattice_kernels as kernels
from deeplab.densecrf.arena import Arena
from deeplab.densecrf.errors import CrfError
from deeplab.densecrf.lattice import Chains, Floats, Ints, Lattice
from deeplab.densecrf.team import Team

Longs = NDArray[np.int64]

# The greatest elevated coordinate at which float32 still tells simplices apart, so that ranks stay in range.
_MAX_COORDINATE = 2**20
_MAX_KEY = 2**62


@dataclass(frozen=True)
class Geometry:
    """Where the features of an image lie in the lattice, and how its vertices are packed into 64-bit keys."""

    factors: Floats  # (d) diagonal of the elevation matrix
    steps: Longs  # (d + 1) what one period along each coordinate adds to a key
    origin: int  # key of the vertex at zero

    @property
    def corners(self) -> int:
        """Vertices of a simplex, d + 1."""
        return len(self.steps)


def geometry(extents: Sequence[float]) -> Geometry:
    """Lay out the keys for features from 0 to these extents (pixels or colours, divided by their deviations).

    Raises:
        CrfError: if the lattice would have more places than 64-bit keys can name.
    """
    d = len(extents)
    # The standard deviation that splat, blur and slice have together (Adams et al., p. 6), on E's diagonal (p. 5).
    deviation = np.float32(math.sqrt(2 / 3) * (d + 1))
    factors = np.array([1 / math.sqrt((i + 1) * (i + 2)) * float(deviation) for i in range(d)], np.float32)
    scaled = [extent * float(factor) for extent, factor in zip(extents, factors, strict=True)]
    if not sum(scaled) * d < _MAX_COORDINATE:
        raise _too_fine()
    # Quotients are coordinates / (d + 1), widened for rounding, wrapping and the neighbours that blurring asks for.
    low = [math.floor(-j * scaled[j - 1] / (d + 1)) - 4 if j else -4 for j in range(d)]
    high = [math.ceil(sum(scaled[j:]) / (d + 1)) + 4 for j in range(d)]
    spans = [top - bottom + 1 for bottom, top in zip(low, high, strict=True)]
    *steps, size = itertools.accumulate(spans, lambda step, span: step * span, initial=8)
    if size >= _MAX_KEY:
        raise _too_fine()
    origin = -sum(bottom * step for bottom, step in zip(low, steps, strict=True))
    return Geometry(factors, np.array([*steps, 0], np.int64), origin)


def _too_fine() -> CrfError:
    return CrfError(
        "The CRF's standard deviations are too small for the image: its lattice has more places than can be numbered;"
        " use larger deviations or a smaller image."
    )


def build_lattice(
    size: tuple[int, int],
    xy_std: float,
    team: Team,
    arena: Arena,
    *,
    image: NDArray[np.uint8] | None = None,
    rgb_std: float = 1.0,
) -> Lattice:
    """Build the filter of a Gaussian in position, or in position and colour if there is an image.

    Args:
        size: height and width in pixels.
        xy_std: standard deviation in pixels, the same for x and y.
        team: threads to share the work.
        arena: memory for the arrays; the lattice is valid until the next one is built in the same arena.
        image: (H, W, 3) uint8, C-contiguous.
        rgb_std: standard deviation in colour, 0..255.

    Raises:
        CrfError: if the deviations are too small for keys of 64 bits.
    """
    height, width = size
    plan = geometry([(width - 1) / xy_std, (height - 1) / xy_std] + ([] if image is None else [255 / rgb_std] * 3))
    black = np.zeros(3, np.uint8)
    colours = black if image is None else image.reshape(-1)
    n = height * width
    used = n * plan.corners
    keys = arena.take("keys", used + plan.corners, np.int64)
    weights = arena.take("weights", used + plan.corners, np.float32)
    scales = np.float32(xy_std), np.float32(rgb_std), plan.factors, plan.steps, plan.origin
    team.share(lambda first, last: kernels.embed(colours, width, *scales, keys, weights, first, last), n)
    if n % 4:
        # The reference works on four pixels at once and fills the last group up with black pixels at the origin. They
        # carry no weight, but blurring passes through their vertices.
        kernels.embed(black, 1, *scales, keys[used:], weights[used:], 0, 1)
    else:
        keys = keys[:used]
    table, vertices = _number(keys, 2 * n, arena)
    return _connect(plan, table, vertices[:used], weights[:used], team, arena)


@dataclass(frozen=True)
class _Table:
    """A hash table from keys to the numbers of vertices."""

    slots: Longs  # pairs of key and number, -1 where empty
    shift: int  # of the hash
    distinct: Longs  # (M) the key of each number


def _number(keys: Longs, expected: int, arena: Arena) -> tuple[_Table, Ints]:
    """Number the distinct keys in order of occurrence; the table grows when it is half full."""
    vertices = arena.take("vertices", len(keys), np.int32)
    known, done, distinct = 0, 0, np.empty(0, np.int64)
    for bits in itertools.count(max(expected, 64).bit_length()):
        slots = arena.take("slots", 2 << bits, np.int64)
        slots.fill(-1)
        numbered = distinct[:known]
        distinct = arena.take("distinct", 1 << bits >> 1, np.int64)
        distinct[:known] = numbered
        kernels.refill(distinct, known, slots, 64 - bits)
        known, done = kernels.number(keys, done, slots, 64 - bits, vertices, distinct, known)
        if done == len(keys):
            break
    return _Table(slots, 64 - bits, distinct[:known]), vertices


def _connect(plan: Geometry, table: _Table, vertices: Ints, weights: Floats, team: Team, arena: Arena) -> Lattice:
    """Link the vertices along each axis, index the pixels by vertex, and normalise."""
    count = len(table.distinct)
    starts = arena.take("starts", count + 2, np.int32)
    pixels = arena.take("pixels", len(vertices), np.int32)
    splat_weights = arena.take("splat_weights", len(vertices), np.float32)
    chains: dict[int, Chains] = {}

    def link(axis: int) -> None:
        items = arena.take(f"items{axis}", count, np.int32)
        runs = arena.take(f"runs{axis}", count // 2 + 1, np.int32)
        following = arena.take(f"following{axis}", count, np.int32)
        preceded = arena.take(f"preceded{axis}", count, np.uint8)
        slots = table.slots, table.shift, plan.steps
        n_runs = kernels.link(table.distinct, *slots, axis, following, preceded, items, runs)
        chains[axis] = Chains(items, runs[: n_runs + 1])

    index = functools.partial(kernels.index_by_vertex, vertices, weights, plan.corners, starts, pixels, splat_weights)
    axes = range(plan.corners)
    team.run([index, *(functools.partial(link, axis) for axis in axes)])
    rows = starts[: count + 1], pixels, splat_weights
    lattice = Lattice(plan.corners, vertices, weights, *rows, tuple(chains[axis] for axis in axes))
    _normalise(lattice, team, arena)
    return lattice


def _normalise(lattice: Lattice, team: Team, arena: Arena) -> None:
    """Divide by the square root of what the bare filter makes of ones, before and after it."""
    alpha = 1 / (1 + 2.0 ** (1 - lattice.corners))  # the reference's constant of scale for d features, 1 / (1 + 2**-d)
    ones = arena.take("ones", lattice.n_pixels, np.float32)
    ones.fill(1)
    vertex_values = arena.take("vertex_ones", lattice.n_vertices, np.float32)
    lattice.splat_and_blur(ones, 1, vertex_values, team)
    lattice.slice(vertex_values, 1, alpha, ones, team, accumulate=False)
    kernels.normalise(ones, alpha, lattice.pixels, lattice.splat_weights, lattice.corners, lattice.slice_weights)
