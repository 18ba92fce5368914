import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from deeplab.datasets.sample import Sample, warp


def test_warp_is_bilinear_in_the_image_and_pillows_nearest_in_the_labels() -> None:
    rng = np.random.default_rng(0)
    sample = Sample("a", rng.integers(0, 256, (37, 52, 3), np.uint8), rng.integers(0, 5, (37, 52), np.uint8))
    warped = warp(sample, 41)
    planes = torch.from_numpy(sample.image).permute(2, 0, 1).float()[None]
    expected = functional.interpolate(planes, (41, 41), mode="bilinear", align_corners=False)[0].permute(1, 2, 0)
    assert warped.id == "a"
    assert warped.image.dtype == np.uint8
    assert np.abs(warped.image - expected.numpy()).max() <= 0.501
    nearest = Image.fromarray(sample.label_map).resize((41, 41), Image.Resampling.NEAREST)
    assert np.array_equal(warped.label_map, np.asarray(nearest))


def test_warp_of_a_size_to_itself_changes_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    sample = Sample("a", image, image[..., 0])
    warped = warp(sample, 9)
    assert np.array_equal(warped.image, image)
    assert np.array_equal(warped.label_map, image[..., 0])
