import numpy as np
import pytest

from deeplab.densecrf.arena import Arena
from deeplab.densecrf.permutohedral import build_lattice
from deeplab.densecrf.stencil import Stencil, build_stencil
from deeplab.densecrf.team import Team
from tests.deeplab.densecrf.test_lattice import apply


def apply_stencil(stencil: Stencil, values: np.ndarray, width: int) -> np.ndarray:
    result = np.zeros_like(values)
    for pixel in range(len(values)):
        y, x = divmod(pixel, width)
        row = stencil.kinds[y] * width + x
        taps = slice(stencil.starts[row], stencil.starts[row + 1])
        neighbours = pixel + stencil.offsets[taps]
        assert ((neighbours >= 0) & (neighbours < len(values))).all()
        result[pixel] = stencil.weights[taps] @ values[neighbours]
    return result


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (3, 3), (15, 20), (16, 9), (17, 9), (18, 9), (60, 71)])
def test_same_as_the_lattice(size: tuple[int, int]) -> None:
    stencil = build_stencil(*size, 1.0)
    assert stencil is not None
    with Team(1) as team:
        lattice = build_lattice(*size, 1.0, team, Arena())
    values = np.random.default_rng(0).random((size[0] * size[1], 3), np.float32)
    assert np.allclose(apply_stencil(stencil, values, size[1]), apply(lattice, values, 8), atol=2e-6)


def test_few_kinds_of_rows() -> None:
    stencil = build_stencil(375, 500, 1.0)
    assert stencil is not None
    assert stencil.kinds.shape == (375,)
    assert stencil.kinds.max() == 16
    assert np.diff(stencil.starts).max() < 40


def test_kept_for_images_of_one_width() -> None:
    a, b = build_stencil(100, 64, 1.0), build_stencil(300, 64, 1.0)
    assert a is not None
    assert b is not None
    assert a.weights is b.weights


@pytest.mark.parametrize(("size", "xy_std"), [((50, 50), 3.0), ((50, 50), 0.5), ((2000, 10), 1.0), ((10, 2000), 1.0)])
def test_otherwise_the_lattice_is_used(size: tuple[int, int], xy_std: float) -> None:
    assert build_stencil(*size, xy_std) is None
