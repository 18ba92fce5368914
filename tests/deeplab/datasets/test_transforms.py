import dataclasses

import numpy as np
import pytest
import torch

from deeplab.config import parse_config
from deeplab.datasets.sample import Sample
from deeplab.datasets.transforms import Augmentation, normalize
from tests.deeplab.drawing import draw_pair

MEAN = (104.008, 116.669, 122.675)  # blue, green, red
PLAIN = Augmentation(mean_bgr=MEAN, crop=8, scales=(1.0,), base=None, ignore_label=255)


def sample(height: int, width: int) -> Sample:
    return Sample("a", *draw_pair(np.random.default_rng(0), height, width))


def draw(augment: Augmentation, source: Sample, n: int = 40) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [augment(source, np.random.default_rng(seed)) for seed in range(n)]


def test_normalized_images_are_bgr_minus_mean() -> None:
    pixel = np.array([[[10, 20, 30]]], np.uint8)
    assert normalize(pixel, MEAN).flatten().tolist() == pytest.approx([30 - MEAN[0], 20 - MEAN[1], 10 - MEAN[2]])


def test_without_scaling_a_crop_is_a_part_of_the_image_or_its_mirror() -> None:
    source = sample(12, 10)
    image, label = normalize(source.image, MEAN), torch.from_numpy(source.label_map)

    places = set()
    for crop, labels in draw(PLAIN, source):
        matches = [
            (top, left, flipped)
            for top in range(5)
            for left in range(3)
            for flipped in (False, True)
            if torch.equal(crop.flip(2) if flipped else crop, image[:, top : top + 8, left : left + 8])
            and torch.equal(labels.flip(1) if flipped else labels, label[top : top + 8, left : left + 8])
        ]
        assert len(matches) == 1
        places.update(matches)

    assert {top for top, _, _ in places} == set(range(5))
    assert {left for _, left, _ in places} == set(range(3))
    assert {flipped for _, _, flipped in places} == {False, True}


def test_small_images_are_filled_up_with_mean_and_ignore_label() -> None:
    source = sample(5, 6)
    for crop, labels in draw(PLAIN, source, n=4):
        upright = labels[0, -1] == 255
        crop, labels = (crop, labels) if upright else (crop.flip(2), labels.flip(1))
        assert torch.equal(crop[:, :5, :6], normalize(source.image, MEAN))
        assert torch.equal(labels[:5, :6], torch.from_numpy(source.label_map))
        assert not crop[:, 5:].any()
        assert not crop[:, :, 6:].any()
        assert (labels[5:] == 255).all()
        assert (labels[:, 6:] == 255).all()


def test_scales_and_base_size() -> None:
    augment = dataclasses.replace(PLAIN, crop=64, scales=(0.5, 1.5), base=20)
    sizes = set()
    for _, labels in draw(augment, sample(30, 40)):
        known = labels != 255
        sizes.add((int(known.any(dim=1).sum()), int(known.any(dim=0).sum())))
    assert sizes == {(7, 10), (22, 30)}  # int(15 * scale), int(20 * scale)


@pytest.mark.parametrize(("size", "base", "expected"), [((94, 163), 54, (31, 54)), ((196, 103), 55, (55, 28))])
def test_the_longer_side_gets_the_base_size_exactly(
    size: tuple[int, int], base: int, expected: tuple[int, int]
) -> None:
    _, labels = dataclasses.replace(PLAIN, crop=64, base=base)(sample(*size), np.random.default_rng(0))
    known = labels != 255
    assert (int(known.any(dim=1).sum()), int(known.any(dim=0).sum())) == expected  # a factor 55 / 196 gives 54


def test_doubling_is_bilinear_between_pixel_centres() -> None:
    pixels = np.zeros((1, 2, 3), np.uint8)
    pixels[0, 1] = 100
    augment = Augmentation(mean_bgr=(0, 0, 0), crop=4, scales=(2.0,), base=None, ignore_label=255)
    crop, labels = next(
        (crop, labels)
        for crop, labels in draw(augment, Sample("a", pixels, np.array([[0, 1]], np.uint8)))
        if crop[0, 0, 0] == 0
    )
    assert crop[0, 0].tolist() == [0, 25, 75, 100]
    assert labels[0].tolist() == [0, 0, 1, 1]


def test_images_that_scaling_would_leave_empty_keep_a_pixel() -> None:
    augment = dataclasses.replace(PLAIN, scales=(0.1,))
    _, labels = augment(sample(2, 2), np.random.default_rng(0))
    assert int((labels != 255).sum()) == 1


def test_the_config_says_how() -> None:
    config = parse_config(
        {"DATASET": {"N_CLASSES": 3, "SCALES": [1]}, "IMAGE": {"SIZE": {"BASE": 40, "TRAIN": 8}}}, "test"
    )
    assert Augmentation.from_config(config) == dataclasses.replace(PLAIN, base=40)
