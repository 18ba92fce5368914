import dataclasses

import numpy as np
import pytest
import torch

from deeplab.config import parse_config
from deeplab.datasets.appearance import Appearance
from deeplab.datasets.sample import Sample
from deeplab.datasets.transforms import Augmentation, normalize
from tests.deeplab.drawing import draw_pair

MEAN = (104.008, 116.669, 122.675)  # blue, green, red
NOTHING = Appearance(brightness=0, contrast=0, saturation=0, hue=0, blur_p=0, blur_sigma=2)
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


@pytest.mark.parametrize("size", [(12, 10), (5, 6)])
def test_colours_change_and_the_geometry_stays(size: tuple[int, int]) -> None:
    source = sample(*size)
    colours = dataclasses.replace(NOTHING, brightness=0.5, contrast=0.5, saturation=0.5, hue=0.2, blur_p=0.5)
    augment = dataclasses.replace(PLAIN, appearance=colours)
    for (image, labels), (plain, expected) in zip(draw(augment, source, 10), draw(PLAIN, source, 10), strict=True):
        assert torch.equal(labels, expected)
        assert not torch.allclose(image, plain, atol=1)
        assert not image[:, labels == 255].any()
        bgr = image + torch.tensor(MEAN).view(3, 1, 1)
        assert bgr.min() >= -1e-3
        assert bgr.max() <= 255.001


def test_a_rotation_leaves_scale_crop_and_flip() -> None:
    source = sample(40, 40)
    augment = dataclasses.replace(PLAIN, rotation=1e-5)
    for (image, labels), (plain, expected) in zip(draw(augment, source, 10), draw(PLAIN, source, 10), strict=True):
        assert torch.allclose(image, plain, atol=1e-2)
        assert torch.equal(labels, expected)


def test_a_rotation_turns_image_and_labels_alike() -> None:
    """The colours of the image tell its classes."""
    label = np.zeros((40, 40), np.uint8)
    label[10:30, 5:35] = 1
    source = Sample("a", np.where(label[..., None] == 1, 255, 0).astype(np.uint8).repeat(3, axis=2), label)
    augment = dataclasses.replace(PLAIN, mean_bgr=(0, 0, 0), crop=40, rotation=180)
    fractions = []
    for image, labels in draw(augment, source, 8):
        known = labels != 255
        agree = (image[0] > 127.5) == (labels == 1)
        assert agree[known].float().mean() > 0.98
        assert int((labels == 1).sum()) == pytest.approx(600, rel=0.05)  # it lies well inside
        assert not image[:, ~known].any()
        fractions.append(float(known.float().mean()))
    assert min(fractions) < 0.9  # corners came in from outside
    assert len({tuple(labels.flatten().tolist()) for _, labels in draw(augment, source, 8)}) == 8


def test_what_is_outside_of_a_crop_turns_into_it() -> None:
    augment = dataclasses.replace(PLAIN, rotation=45)
    inner = [labels for _, labels in draw(augment, sample(64, 64), 20)]
    assert sum(bool((labels == 255).any()) for labels in inner) < 10  # only crops near the border lack pixels


def test_by_hand_brightness_and_saturation() -> None:
    bgr = torch.tensor([10.0, 100.0, 200.0]).view(3, 1, 1)
    inside = torch.ones(1, 1, dtype=torch.bool)
    brighter = dataclasses.replace(NOTHING, brightness=0.5)(bgr, inside, np.random.default_rng(0))
    factor = np.random.default_rng(0).uniform(0.5, 1.5)
    assert brighter.flatten().tolist() == pytest.approx([min(255, factor * each) for each in (10, 100, 200)])
    greyer = dataclasses.replace(NOTHING, saturation=1)(bgr, inside, np.random.default_rng(1))
    factor, grey = np.random.default_rng(1).uniform(0, 2), 0.114 * 10 + 0.587 * 100 + 0.299 * 200
    expected = [min(255, max(0, factor * each + (1 - factor) * grey)) for each in (10, 100, 200)]
    assert greyer.flatten().tolist() == pytest.approx(expected, rel=1e-4)


def test_a_constant_image_keeps_its_contrast_and_sharpness() -> None:
    image = torch.full((3, 6, 9), 77.0)
    change = dataclasses.replace(NOTHING, contrast=0.9, blur_p=1, blur_sigma=20)
    changed = change(image, torch.ones(6, 9, dtype=torch.bool), np.random.default_rng(0))
    assert torch.allclose(changed, image, atol=1e-3)


def test_the_configuration_decides() -> None:
    off = parse_config({"DATASET": {"N_CLASSES": 3}}, "test")
    on = parse_config({"DATASET": {"N_CLASSES": 3}, "IMAGE": {"AUGMENT": {"HUE": 0.1, "ROTATION": 10}}}, "test")
    assert (Augmentation.from_config(off).appearance, Augmentation.from_config(off).rotation) == (None, 0)
    augment = Augmentation.from_config(on)
    assert augment.rotation == 10
    assert augment.appearance == dataclasses.replace(NOTHING, hue=0.1)
