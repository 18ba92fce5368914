"""Boundary IoU, against its definition: a mask of each class, eroded step by step."""

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from deeplab.scores.boundaries import boundary_distance, boundary_overlaps
from deeplab.scores.image_scores import BoundaryOverlap


def boundary_by_definition(mask: np.ndarray) -> np.ndarray:
    """`mask_to_boundary` of the authors: pad by one pixel that is not of the mask, and erode by 3 x 3 squares."""
    height, width = mask.shape
    steps = max(1, round(0.02 * np.sqrt(height**2 + width**2)))
    padded = np.pad(mask, 1)
    eroded = binary_erosion(padded, np.ones((3, 3)), iterations=steps, border_value=1)
    boundary: np.ndarray = mask & ~eroded[1:-1, 1:-1]
    return boundary


def draw_blobs(rng: np.random.Generator, height: int, width: int, n_classes: int) -> np.ndarray:
    coarse = rng.integers(0, n_classes, (-(-height // 16), -(-width // 16)))
    return np.kron(coarse, np.ones((16, 16), int))[:height, :width].astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 90), (16, 16), (70, 90), (200, 130)])
def test_overlaps_are_those_of_the_definition(height: int, width: int) -> None:
    rng = np.random.default_rng(height)
    truth = draw_blobs(rng, height, width, 4)
    predicted = np.roll(truth, 3, axis=1)
    predicted[height // 2 :] = draw_blobs(rng, height - height // 2, width, 4)
    truth[: height // 3, : width // 3] = 255

    overlaps = boundary_overlaps(truth, predicted, 5)

    for index in range(5):
        one, other = (boundary_by_definition(each == index) & (truth != 255) for each in (truth, predicted))
        expected = BoundaryOverlap(int((one & other).sum()), int((one | other).sum()))
        assert overlaps.get(index, BoundaryOverlap(0, 0)) == expected


def test_by_hand() -> None:
    truth = np.zeros((5, 6), np.uint8)
    predicted = np.zeros((5, 6), np.uint8)
    predicted[2, 2] = 1
    # The truth's boundary is the ring along the border, 18 of 30 pixels; the prediction's has the eight neighbours of
    # the pixel, too.
    overlaps = boundary_overlaps(truth, predicted, 2)
    assert overlaps[1] == BoundaryOverlap(0, 1)
    assert overlaps[0] == BoundaryOverlap(18, 18 + 8)


def test_what_is_ignored_wholly_has_no_boundary() -> None:
    assert boundary_overlaps(np.full((9, 9), 255, np.uint8), np.zeros((9, 9), np.uint8), 3) == {}


@pytest.mark.parametrize(("height", "width", "distance"), [(1, 1, 1), (30, 40, 1), (375, 500, 12), (1200, 1600, 40)])
def test_the_distance_is_two_percent_of_the_diagonal(height: int, width: int, distance: int) -> None:
    assert boundary_distance(height, width) == distance
