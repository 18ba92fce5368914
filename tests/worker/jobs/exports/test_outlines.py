"""Polygons that pycocotools draws as exactly the pixels that were outlined."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools import mask as coco
from scipy import ndimage

from deeplab.images.pillow import silence_warnings
from worker.jobs.exports.outlines import outline


def draw(polygons: list[list[int]], height: int, width: int) -> NDArray[np.bool_]:
    if not polygons:
        return np.zeros((height, width), np.bool_)
    with silence_warnings():  # about how pycocotools creates its array
        drawn: NDArray[np.bool_] = coco.decode(coco.merge(coco.frPyObjects(polygons, height, width))).astype(np.bool_)
    return drawn


def of_rows(*rows: str) -> NDArray[np.bool_]:
    return np.array([[each == "#" for each in row] for row in rows])


def test_a_rectangle_has_four_corners() -> None:
    assert outline(of_rows("....", ".##.", ".##.")) == [[1, 1, 3, 1, 3, 3, 1, 3]]


def test_pixels_that_touch_at_a_corner_are_two_polygons() -> None:
    assert outline(of_rows("#.", ".#")) == [[0, 0, 1, 0, 1, 1, 0, 1], [1, 1, 2, 1, 2, 2, 1, 2]]
    assert len(outline(of_rows(".#", "#."))) == 2


def test_a_hole_is_cut_open() -> None:
    mask = of_rows("#####", "#...#", "#.#.#", "#...#", "#####")
    polygons = outline(mask)
    assert len(polygons) == 2
    assert np.array_equal(draw(polygons, 5, 5), mask)


def test_holes_below_one_another_in_one_column() -> None:
    mask = of_rows("######", "#.#..#", "######", "#.##.#", "######", "##..##", "######")
    polygons = outline(mask)
    assert len(polygons) == 1
    assert np.array_equal(draw(polygons, 7, 6), mask)


def test_nothing_and_everything() -> None:
    assert outline(np.zeros((3, 4), np.bool_)) == []
    assert outline(np.ones((3, 4), np.bool_)) == [[0, 0, 4, 0, 4, 3, 0, 3]]


def test_every_region_of_nine_pixels() -> None:
    for bits in product((False, True), repeat=9):
        mask = np.array(bits).reshape(3, 3)
        assert np.array_equal(draw(outline(mask), 3, 3), mask), mask


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_noise(seed: int, share: float) -> None:
    """Each pixel at random: holes in holes, and corners that touch everywhere."""
    random = np.random.default_rng(seed)
    height, width = random.integers(1, 40, 2)
    mask = random.random((height, width)) < share
    assert np.array_equal(draw(outline(mask), height, width), mask)


def test_polygons_are_the_sets_of_neighbours() -> None:
    mask = np.random.default_rng(3).random((50, 60)) < 0.6
    assert len(outline(mask)) == ndimage.label(mask)[1]
