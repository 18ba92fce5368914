import numpy as np
import pytest
import torch
from torch.nn import functional

from deeplab.inference.windows import Axis, Blend, Upsampling, shares


@pytest.mark.parametrize(
    ("length", "window", "starts"),
    [(5, 8, (0,)), (8, 8, (0,)), (9, 8, (0, 1)), (18, 8, (0, 5, 10)), (20, 8, (0, 5, 10, 12))],
)
def test_the_last_window_is_shifted_to_the_border(length: int, window: int, starts: tuple[int, ...]) -> None:
    axis = Axis.cut(length, window, 5)
    assert axis.starts == starts
    assert axis.window == min(length, window)
    assert [axis.completed_by(number)[1] for number in range(len(starts))] == [*starts[1:], length]


@pytest.mark.parametrize("length", [8, 9, 40, 41, 100])
@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_groups_share_the_side_out_with_all_windows_that_each_needs(length: int, size: int) -> None:
    axis = Axis.cut(length, 8, 3)
    groups = list(axis.groups(size))
    assert [pixel for _, (first, last) in groups for pixel in range(first, last)] == list(range(length))
    for windows, (first, last) in groups:
        assert set(axis.covering(first, last)) <= set(windows)
        assert len(windows) <= max(size, 4)


@pytest.mark.parametrize("blend", ["gaussian", "flat"])
def test_the_shares_of_all_windows_add_up_to_one(blend: Blend) -> None:
    axis = Axis.cut(30, 8, 5)
    total = np.zeros(30)
    for start, share in zip(axis.starts, shares(axis, blend), strict=True):
        total[start : start + 8] += share
    np.testing.assert_allclose(total, 1, rtol=1e-6)


def test_gaussian_weights_prefer_the_centre_and_flat_ones_do_not() -> None:
    axis = Axis.cut(12, 8, 4)  # windows at 0 and 4; both cover the pixels 4 to 7
    assert shares(axis, "flat")[0].tolist() == [1] * 4 + [0.5] * 4
    gaussian = shares(axis, "gaussian")[0, 4:].tolist()
    assert gaussian == sorted(gaussian, reverse=True)
    assert gaussian[0] == pytest.approx(1 - gaussian[-1])  # the neighbour, mirrored


@pytest.mark.parametrize(("n_in", "n_out"), [(1, 5), (3, 8), (8, 8), (9, 5)])
def test_upsampling_is_that_of_torch(n_in: int, n_out: int) -> None:
    line = np.random.default_rng(0).normal(size=n_in).astype(np.float32)
    expected = functional.interpolate(torch.from_numpy(line)[None, None], size=n_out, mode="linear")[0, 0].numpy()
    upsampling = Upsampling(n_in, n_out)
    np.testing.assert_allclose(upsampling.matrix @ line, expected, rtol=1e-5, atol=1e-6)
    inputs = upsampling.inputs_of(1, 4)
    np.testing.assert_allclose(upsampling.matrix[1:4, inputs] @ line[inputs], expected[1:4], rtol=1e-5, atol=1e-6)
