import numpy as np
import pytest

from deeplab.inference.windows import Axis, Blend, blend_matrix


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
    total = np.zeros(20)
    for number in axis.covering(4, 24):
        total += blend_matrix(axis, number, 3, blend, (4, 24)).matrix.sum(axis=1)
    np.testing.assert_allclose(total, 1, rtol=1e-6)


def test_gaussian_weights_prefer_the_centre_and_flat_ones_do_not() -> None:
    axis = Axis.cut(12, 8, 4)  # windows at 0 and 4; both cover the pixels 4 to 7
    shares = {
        blend: blend_matrix(axis, 0, 8, blend, (4, 8)).matrix.sum(axis=1).tolist() for blend in ("gaussian", "flat")
    }
    assert shares["flat"] == [0.5] * 4
    assert shares["gaussian"] == sorted(shares["gaussian"], reverse=True)
    assert shares["gaussian"][0] == pytest.approx(1 - shares["gaussian"][-1])  # the neighbour, mirrored
