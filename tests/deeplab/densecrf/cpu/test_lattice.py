"""The lattice against the algorithm as the paper tells it, vertex by vertex in a dictionary."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from deeplab.densecrf.cpu.arena import Arena
from deeplab.densecrf.cpu.lattice import Lattice, split_by_load
from deeplab.densecrf.cpu.permutohedral import build_lattice
from deeplab.densecrf.cpu.team import Team
from deeplab.densecrf.errors import CrfError
from deeplab.densecrf.geometry import geometry
from tests.deeplab.densecrf.samples import Pixels, photograph

Key = tuple[int, ...]


def corners_of(features: Sequence[float]) -> dict[Key, float]:
    """Adams et al., section 3: elevate, round to the nearest vertex of remainder zero, rank, weigh."""
    d = len(features)
    scaled = [f * math.sqrt(2 / 3) * (d + 1) / math.sqrt((i + 1) * (i + 2)) for i, f in enumerate(features)]
    elevated = [sum(scaled[j:]) - (j * scaled[j - 1] if j else 0) for j in range(d + 1)]
    nearest = [(d + 1) * round(e / (d + 1)) for e in elevated]
    order = sorted(range(d + 1), key=lambda i: (nearest[i] - elevated[i], i))
    excess = sum(nearest) // (d + 1)
    rank = {i: place + excess for place, i in enumerate(order)}
    for i in range(d + 1):
        turn = (rank[i] < 0) - (rank[i] > d)
        rank[i] += turn * (d + 1)
        nearest[i] += turn * (d + 1)
    rest = {rank[i]: (elevated[i] - nearest[i]) / (d + 1) for i in range(d + 1)}
    weights = [1 + rest[d] - rest[0]] + [rest[d - r] - rest[d - r + 1] for r in range(1, d + 1)]
    keys = [tuple(nearest[i] + (r if rank[i] <= d - r else r - d - 1) for i in range(d + 1)) for r in range(d + 1)]
    return dict(zip(keys, weights, strict=True))


def naive_filter(features: list[list[float]], values: NDArray[np.float64]) -> NDArray[np.float64]:
    d = len(features[0])
    simplices = [corners_of(f) for f in features]
    if len(features) % 4:  # the reference's filling
        simplices.append(dict.fromkeys(corners_of([0.0] * d), 0.0))
    at = dict.fromkeys(itertools.chain(*simplices), 0.0 * values[0])
    for simplex, value in zip(simplices, values, strict=False):
        for key, weight in simplex.items():
            at[key] = at[key] + weight * value
    zero = 0.0 * values[0]
    for axis in range(d + 1):

        def neighbour(key: Key, sign: int, axis: int = axis) -> Key:
            return tuple(k + sign * (d if i == axis else -1) for i, k in enumerate(key))

        at = {key: at[key] + 0.5 * sum((at.get(neighbour(key, s), zero) for s in (-1, 1)), zero) for key in at}
    alpha = 1 / (1 + 2.0**-d)
    sliced = [sum(alpha * weight * at[key] for key, weight in simplex.items()) for simplex in simplices]
    return np.array(sliced[: len(features)])


def features_of(height: int, width: int, xy: float, image: Pixels | None = None, rgb: float = 1.0) -> list[list[float]]:
    places = itertools.product(range(height), range(width))
    return [[x / xy, y / xy, *([] if image is None else [c / rgb for c in image[y, x].tolist()])] for y, x in places]


def apply(lattice: Lattice, values: NDArray[np.float32], lanes: int, n_threads: int = 1) -> NDArray[np.float32]:
    padded = np.zeros((len(values), lanes), np.float32)
    padded[:, : values.shape[1]] = values
    at_vertices = np.empty(lattice.n_vertices * lanes, np.float32)
    result = np.empty_like(padded)
    with Team(n_threads) as team:
        lattice.splat_and_blur(padded.reshape(-1), lanes, at_vertices, team)
        lattice.slice(at_vertices, lanes, 1.0, result.reshape(-1), team)
    assert not result[:, values.shape[1] :].any()
    return result[:, : values.shape[1]]


def build(height: int, width: int, xy: float, image: Pixels | None = None, rgb: float = 1.0) -> Lattice:
    with Team(2) as team:
        return build_lattice(height, width, xy, team, Arena(), image=image, rgb_std=rgb)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (7, 6), (8, 8)])
@pytest.mark.parametrize(("lanes", "n_values"), [(1, 1), (8, 3), (16, 11), (24, 24), (32, 30)])
@pytest.mark.parametrize("with_image", [False, True])
def test_filter(size: tuple[int, int], lanes: int, n_values: int, with_image: bool) -> None:
    # Deviations for which no pixel lies on the border of two simplices, where single precision may decide otherwise.
    image = photograph(*size, noise=8.0) if with_image else None
    features = features_of(*size, 2.37, image, 7.13)
    values = np.random.default_rng(1).random((len(features), n_values), np.float32)
    norm = 1 / np.sqrt(naive_filter(features, np.ones((len(features), 1))))
    expected = norm * naive_filter(features, norm * values)
    lattice = build(*size, 2.37, image, 7.13)
    assert np.allclose(apply(lattice, values, lanes), expected, atol=2e-5)
    assert np.array_equal(apply(lattice, values, lanes, n_threads=3), apply(lattice, values, lanes))


def test_noise_needs_a_larger_table() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    lattice = build(40, 40, 5.0, image, 1.0)
    assert lattice.n_vertices > 4 * lattice.n_pixels
    corners = lattice.vertices.reshape(-1, 6)
    assert all(len(set(row)) == 6 for row in corners.tolist())
    assert sorted(set(corners.flat)) == list(range(lattice.n_vertices))


def test_slices_add_up() -> None:
    lattice = build(7, 6, 2.37)
    at_vertices = np.random.default_rng(0).random(lattice.n_vertices * 4, np.float32)
    once, twice = np.empty(42 * 4, np.float32), np.full(42 * 4, np.nan, np.float32)
    with Team(2) as team:
        lattice.slice(at_vertices, 4, 1.0, once, team)
        lattice.slice(at_vertices, 4, 2.0, twice, team)
        lattice.slice(at_vertices, 4, 0.5, twice, team, add_up=True)
    assert np.allclose(twice, 2.5 * once, atol=1e-6)


def test_chains_hold_a_vertex_once() -> None:
    lattice = build(30, 41, 67.0, photograph(30, 41), 3.0)
    for chains in lattice.chains:
        items = chains.items[: chains.starts[-1]]
        assert len(set(items.tolist())) == len(items)
        assert (np.diff(chains.starts) >= 2).all()


def test_keys_of_neighbours_stay_apart() -> None:
    plan = geometry(375, 500, 67.0, 3.0)
    assert plan.size < 2**40
    assert plan.steps[0] == 0
    assert (np.diff(plan.steps) > 0).all()
    assert 0 < plan.origin < plan.size


def test_copies_count() -> None:
    plan = geometry(100, 100, 10.0, 0.5)
    with pytest.raises(CrfError):
        geometry(100, 100, 10.0, 0.5, copies=2**62 // plan.size + 1)


@pytest.mark.parametrize("parts", [1, 2, 5, 50])
def test_split_by_load(parts: int) -> None:
    starts = np.array([0, 0, 10, 11, 11, 30, 31], np.int32)
    ranges = split_by_load(starts, parts)
    assert [row for first, last in ranges for row in range(first, last)] == list(range(6))
    assert len(ranges) <= parts


def test_split_of_nothing() -> None:
    assert split_by_load(np.zeros(1, np.int32), 2) == []
