"""The scores of one image, from the cells of its confusion matrix."""

import numpy as np
import pytest

from deeplab.scores.image_scores import Cell, ImageScores, cells_of, occurring


def scores_of(*cells: Cell) -> ImageScores:
    return ImageScores("a", 4, 3, 0.1, {}, cells)


def test_iou_is_of_the_classes_that_occur_in_truth_or_prediction() -> None:
    scores = scores_of(Cell(0, 0, 6), Cell(0, 2, 2), Cell(1, 1, 3), Cell(1, 0, 1))
    assert scores.class_iou == {0: pytest.approx(6 / 9), 1: pytest.approx(3 / 4), 2: 0.0}


def test_the_mean_is_over_the_classes_of_the_ground_truth() -> None:
    scores = scores_of(Cell(0, 0, 6), Cell(0, 2, 2), Cell(1, 1, 3), Cell(1, 0, 1))
    assert scores.mean_iou == pytest.approx((6 / 9 + 3 / 4) / 2)
    assert scores.pixel_accuracy == pytest.approx(9 / 12)


def test_an_image_without_a_labelled_pixel_has_no_scores() -> None:
    scores = scores_of()
    assert scores.class_iou == {}
    assert scores.mean_iou is None
    assert scores.pixel_accuracy is None


def test_cells_are_those_of_a_matrix_that_are_not_zero() -> None:
    assert cells_of(np.array([[6, 0, 2], [1, 3, 0], [0, 0, 0]])) == (
        Cell(0, 0, 6),
        Cell(0, 2, 2),
        Cell(1, 0, 1),
        Cell(1, 1, 3),
    )
    assert cells_of(np.zeros((2, 2), np.int64)) == ()
    assert occurring(np.array([0, 5, 2])) == {1: 5, 2: 2}
