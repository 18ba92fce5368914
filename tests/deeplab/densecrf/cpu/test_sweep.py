"""Filtering in one sweep over the image against the phases of the lattice, one after the other."""

import numpy as np
import pytest
from numpy.typing import NDArray

from deeplab.densecrf.cpu.arena import Arena
from deeplab.densecrf.cpu.kernels.message import Filtered, message_kernel
from deeplab.densecrf.cpu.lattice import Lattice
from deeplab.densecrf.cpu.permutohedral import build_lattice
from deeplab.densecrf.cpu.sweep import Sweep
from deeplab.densecrf.cpu.team import Team

LANES = 8


def build(height: int, width: int, xy_std: float) -> Lattice:
    with Team(1) as team:
        return build_lattice(height, width, xy_std, team, Arena())


def by_phases(lattice: Lattice, values: NDArray[np.float32]) -> NDArray[np.float32]:
    at_vertices, result = np.empty(lattice.n_vertices * LANES, np.float32), np.empty_like(values)
    with Team(1) as team:
        lattice.splat_and_blur(values, LANES, at_vertices, team)
        lattice.slice(at_vertices, LANES, 1.0, result, team)
    return result


def by_sweep(sweep: Sweep, values: NDArray[np.float32], height: int, n_threads: int) -> NDArray[np.float32]:
    nothing = np.zeros(LANES, np.float32), np.zeros(6 * len(values), np.int32), np.zeros(6 * len(values), np.float32)
    filtered = Filtered(*nothing, factor=0.0, near_factor=sweep.alpha)
    result = np.full_like(values, np.nan)
    with Team(n_threads) as team:
        kernel = message_kernel(LANES)
        team.share(lambda first, last: kernel(filtered, sweep.lines, values, result, first, last), height)
    return result


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 3), (9, 1), (31, 17), (60, 81), (130, 7)])
@pytest.mark.parametrize("xy_std", [0.6, 0.8, 1.0, 1.37, 2.5, 3.0, 7.5, 40.0, 1e6])
def test_it_equals_the_phases(size: tuple[int, int], xy_std: float) -> None:
    lattice = build(*size, xy_std)
    values = np.random.default_rng(0).random(size[0] * size[1] * LANES, np.float32)
    sweep = Sweep.over(lattice, size[0])
    assert sweep is not None
    expected = by_phases(lattice, values)
    for n_threads in (1, 2, 5):
        assert np.allclose(by_sweep(sweep, values, size[0], n_threads), expected, atol=1e-6)


def test_lines_may_have_gaps_and_be_empty() -> None:
    gaps = Sweep.over(build(60, 81, 2.5), 60)
    assert gaps is not None
    assert len(gaps.lines.gaps)
    empty = Sweep.over(build(9, 1, 0.8), 9)
    assert empty is not None
    assert (empty.lines.table.reshape(-1, 9)[:, 0] == 0).any()


def test_a_sparse_lattice_is_not_swept() -> None:
    assert Sweep.over(build(20, 20, 0.1), 20) is None
