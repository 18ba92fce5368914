import numpy as np
import pytest

from deeplab.densecrf.cpu.kernels.arrays import Floats
from deeplab.densecrf.cpu.kernels.compiled import Compiled, kernel
from deeplab.densecrf.cpu.kernels.memory import load, store
from deeplab.densecrf.cpu.kernels.simd import add_scaled, exp_below, lane_maximum, lane_sum, multiply, scale, zeros


def build(lanes: int) -> Compiled:
    @kernel
    def rows(values: Floats, result: Floats, top: float) -> None:
        row = load(values, 0, lanes)
        store(result, 0, exp_below(row, top))
        store(result, lanes, add_scaled(multiply(row, row), np.float32(0.5), scale(row, np.float32(4))))
        store(result, 2 * lanes, zeros(lanes))
        result[3 * lanes] = lane_sum(row)
        result[3 * lanes + 1] = lane_maximum(row)

    return rows


@pytest.mark.parametrize("lanes", [1, *range(4, 33, 4)])
def test_rows(lanes: int) -> None:
    values = np.random.default_rng(lanes).normal(0, 3, lanes).astype(np.float32)
    result = np.full(3 * lanes + 2, np.nan, np.float32)
    build(lanes)(values, result, values.max())
    powers, sums, nothing = result[: 3 * lanes].reshape(3, lanes)
    assert np.allclose(powers, np.exp(values - values.max()), rtol=2e-6)
    assert np.allclose(sums, values * values + 2 * values, atol=1e-5)
    assert not nothing.any()
    assert result[-2] == pytest.approx(values.sum(), abs=1e-4)
    assert result[-1] == values.max()


def test_exp_over_its_whole_range() -> None:
    values = np.linspace(-200, 0, 32).astype(np.float32)
    result = np.empty(3 * 32 + 2, np.float32)
    build(32)(values, result, np.float32(0))
    assert np.allclose(result[:32], np.exp(values), rtol=5e-6, atol=2e-22)
    assert (result[:32] > 1e-22).all()
