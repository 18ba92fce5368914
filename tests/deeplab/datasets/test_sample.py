from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from deeplab.datasets.layouts.coco import ObjectsFile
from deeplab.datasets.pairs import MaskFile, Pair
from deeplab.datasets.sample import Sample, read_sample, warp
from deeplab.errors import DatasetError


def test_warp_is_bilinear_in_the_image_and_pillows_nearest_in_the_labels() -> None:
    rng = np.random.default_rng(0)
    sample = Sample("a", rng.integers(0, 256, (37, 52, 3), np.uint8), rng.integers(0, 5, (37, 52), np.uint8))
    warped = warp(sample, 41)
    planes = torch.from_numpy(sample.image).permute(2, 0, 1).float()[None]
    expected = functional.interpolate(planes, (41, 41), mode="bilinear", align_corners=False)[0].permute(1, 2, 0)
    assert warped.id == "a"
    assert warped.image.dtype == np.float32
    assert np.abs(warped.image - expected.numpy()).max() <= 1e-3
    assert np.array_equal(warped.byte_image, np.rint(warped.image))
    nearest = Image.fromarray(sample.label_map).resize((41, 41), Image.Resampling.NEAREST)
    assert np.array_equal(warped.label_map, np.asarray(nearest))


def test_warp_of_a_size_to_itself_changes_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    sample = Sample("a", image, image[..., 0])
    warped = warp(sample, 9)
    assert np.array_equal(warped.image, image)
    assert np.array_equal(warped.label_map, image[..., 0])


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_of_the_stored_pixels_is_turned_like_its_image(tmp_path: Path, orientation: int, suffix: str) -> None:
    stored = np.zeros((24, 40, 3), np.uint8)
    stored[:8, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / f"a.{suffix}", exif=exif)
    Image.fromarray((stored[..., 0] > 0).astype(np.uint8)).save(tmp_path / "a.png")
    pair = Pair("a", tmp_path / f"a.{suffix}", MaskFile(tmp_path / "a.png"))
    sample = read_sample(pair, 2, 255)
    if orientation in (1, 5, 6, 7, 8):  # for 2 to 4 nobody can know
        assert np.array_equal(sample.image[..., 0] > 127, sample.label_map == 1)


def test_sizes_that_differ_for_another_reason_name_exif_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 24)).save(tmp_path / "a.jpg", exif=exif)
    Image.new("L", (30, 24)).save(tmp_path / "a.png")
    with pytest.raises(
        DatasetError, match=r"is 30x24, but .*a\.jpg is 24x40, turned by its EXIF orientation from 40x24"
    ):
        read_sample(Pair("a", tmp_path / "a.jpg", MaskFile(tmp_path / "a.png")), 2, 255)


def test_objects_of_another_size_than_their_image_are_not_drawn(tmp_path: Path) -> None:
    """Drawn at the size that the file claims, they would take a hundred megabytes."""
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(tmp_path / "a.png")
    objects = ObjectsFile(tmp_path / "instances.json", "a.png", 10_000, 12_000, b"this would be parsed first")
    with pytest.raises(DatasetError, match=r"instances\.json: the mask is 12000x10000, but its image .*a\.png is 6x4"):
        read_sample(Pair("a", tmp_path / "a.png", objects), 2, 255)
