import numpy as np
import pytest
import torch
from torch.nn import functional

from deeplab.images.resize import resize_longer_side, resize_planes, shrink_longer_side


@pytest.mark.parametrize(("shape", "size"), [((3, 7, 9), (50, 61)), ((2, 1, 1), (4, 3)), ((5, 20, 30), (7, 11))])
def test_planes_are_resized_as_torch_does(shape: tuple[int, int, int], size: tuple[int, int]) -> None:
    planes = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    expected = functional.interpolate(torch.from_numpy(planes)[None], size=size, mode="bilinear", align_corners=False)[
        0
    ].numpy()
    assert np.allclose(resize_planes(planes, *size), expected, atol=1e-4)


def test_longer_side_is_enlarged_and_shrunk_bilinearly() -> None:
    # By hand: twice as long, the new centres lie at 0 (clamped), 0.25, 0.75 and 1 (clamped) of the old ones.
    line = np.array([[0, 100]], np.uint8)[..., None].repeat(3, axis=2)
    assert resize_longer_side(line, 4)[0, :, 0].tolist() == [0, 25, 75, 100]
    assert resize_longer_side(line, 4).shape == (2, 4, 3)
    # Half as long: each new centre lies between two old ones.
    line = np.array([[0, 100, 200, 40]], np.uint8)[..., None].repeat(3, axis=2)
    assert resize_longer_side(line, 2)[0, :, 0].tolist() == [50, 120]
    assert resize_longer_side(np.zeros((1, 1000, 3), np.uint8), 10).shape == (1, 10, 3)


def test_shrinking_averages_and_never_enlarges() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    small = shrink_longer_side(stripes, 8)
    assert small.shape == (8, 8, 3)
    assert small.flags.writeable
    assert np.abs(small.astype(int) - 127).max() < 12
    assert shrink_longer_side(stripes, 64) is stripes
    assert shrink_longer_side(stripes, 513) is stripes
    assert shrink_longer_side(np.zeros((1, 1000, 3), np.uint8), 10).shape == (1, 10, 3)
