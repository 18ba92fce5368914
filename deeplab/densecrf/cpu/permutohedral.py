"""Build the permutohedral lattice of one image.

Source: A. Adams, J. Baek, M. Davis, "Fast high-dimensional filtering using the permutohedral lattice", Eurographics
2010; constants and details as in the code of P. Krähenbühl and V. Koltun (NIPS 2011), so that the answer is the same.
"""

import functools
import itertools

import numpy as np
from numpy.typing import NDArray

from deeplab.densecrf.cpu.arena import Arena
from deeplab.densecrf.cpu.kernels import permutohedral as kernels
from deeplab.densecrf.cpu.kernels.arrays import Floats, Ints, Longs
from deeplab.densecrf.cpu.lattice import Chains, Lattice
from deeplab.densecrf.cpu.team import Team
from deeplab.densecrf.geometry import Geometry, geometry


def build_lattice(
    height: int,
    width: int,
    xy_std: float,
    team: Team,
    arena: Arena,
    *,
    image: NDArray[np.uint8] | None = None,
    rgb_std: float = 1.0,
) -> Lattice:
    """Build the filter of a Gaussian in position, or in position and colour if there is an image.

    Args:
        height, width: pixels.
        xy_std: standard deviation in pixels, the same for x and y.
        team: threads to share the work.
        arena: memory for the arrays; the lattice is valid until the next one is built in the same arena.
        image: (H, W, 3) uint8, C-contiguous.
        rgb_std: standard deviation in colour, 0..255.

    Raises:
        CrfError: if the deviations are too small for the image's size.
    """
    plan = geometry(height, width, xy_std, None if image is None else rgb_std)
    black = np.zeros(3, np.uint8)
    colours = black if image is None else image.reshape(-1)
    n = height * width
    used = n * plan.corners
    keys = arena.take("keys", used + plan.corners, np.int64)
    weights = arena.take("weights", used + plan.corners, np.float32)
    scheme = kernels.Scheme(plan.factors, plan.steps, plan.origin)
    team.share(functools.partial(kernels.embed, colours, width, xy_std, rgb_std, scheme, keys, weights), n)
    if n % 4:
        # The reference works on four pixels at once and fills the last group up with black pixels at the origin. They
        # carry no weight, but blurring passes through their vertices.
        kernels.embed(black, 1, xy_std, rgb_std, scheme, keys[used:], weights[used:], 0, 1)
    else:
        keys = keys[:used]
    distinct, vertices = _number(keys, 2 * n, arena)
    return _connect(plan, distinct, vertices[:used], weights[:used], team, arena)


def _number(keys: Longs, expected: int, arena: Arena) -> tuple[Longs, Ints]:
    """Number the distinct keys in order of occurrence: (M) the key of each number, and the number of each key.

    The hash table begins with room for half of `expected` and is doubled when it is half full.
    """
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
    return distinct[:known], vertices


def _connect(plan: Geometry, distinct: Longs, vertices: Ints, weights: Floats, team: Team, arena: Arena) -> Lattice:
    """Link the vertices along each axis, and normalise."""
    count = len(distinct)
    order = np.argsort(distinct)
    keys = distinct[order]
    inner, outer = np.flatnonzero(keys & 7), np.flatnonzero(keys & 7 == 0)
    chains: dict[int, Chains] = {}

    def link(axis: int) -> None:
        items = arena.take(f"items{axis}", count, np.int32)
        starts = arena.take(f"starts{axis}", count // 2 + 1, np.int32)
        following = arena.take(f"following{axis}", count, np.int32)
        preceded = arena.take(f"preceded{axis}", count, np.uint8)
        n_chains = kernels.link(keys, order, inner, outer, plan.steps, axis, following, preceded, items, starts)
        chains[axis] = Chains(items, starts[: n_chains + 1])

    axes = range(plan.corners)
    team.run([functools.partial(link, axis) for axis in axes])
    axis_by_axis = tuple(chains[axis] for axis in axes)
    lattice = Lattice(plan.corners, vertices, weights, plan.alpha, distinct, int(plan.steps[-1]), axis_by_axis)
    _normalise(lattice, team, arena)
    return lattice


def _normalise(lattice: Lattice, team: Team, arena: Arena) -> None:
    """Divide by the square root of what the bare filter makes of ones, before and after it."""
    ones = arena.take("ones", lattice.n_pixels, np.float32)
    ones.fill(1)
    vertex_values = arena.take("vertex_ones", lattice.n_vertices, np.float32)
    lattice.splat_and_blur(ones, 1, vertex_values, team)
    lattice.slice(vertex_values, 1, 1.0, ones, team)
    kernels.normalise(ones, lattice.corners, lattice.weights)
