"""What the images of an evaluation are worth together."""

import pytest

from deeplab.scores.image_scores import BoundaryOverlap, Cell, ImageScores
from deeplab.scores.metrics import ConfusionMatrix
from deeplab.scores.observation import ImageTally


def image(hits: int, misses: int) -> ImageScores:
    """One whose only class has the IoU hits / (hits + misses)."""
    cells = [Cell(0, 0, hits)] * bool(hits) + [Cell(0, 1, misses)] * bool(misses)
    return ImageScores("a", 4, 4, 0.1, {}, cells)


def test_means_over_all_images_and_over_the_worst_tenth() -> None:
    matrix = ConfusionMatrix(2)
    matrix.update([[0, 0]], [[0, 1]])
    heard: list[ImageScores] = []
    tally = ImageTally(2, heard.append)
    for n in range(11):
        tally.hear(image(n, 10 - n))
    tally.hear(image(0, 0))  # has no labelled pixel

    scores = tally.add_to(matrix.scores())

    assert len(heard) == 12
    assert scores["image_mean_iou"] == pytest.approx(0.5)
    assert scores["worst_tenth_iou"] == pytest.approx(0.05)  # two of eleven, because a tenth is rounded up
    assert scores["mean_iou"] == matrix.scores()["mean_iou"]


def test_without_images_nothing_is_added() -> None:
    matrix = ConfusionMatrix(2)
    matrix.update([[0]], [[0]])
    assert "image_mean_iou" not in ImageTally(2, None).add_to(matrix.scores())


def test_boundaries_of_all_images_are_added_up_by_class() -> None:
    matrix = ConfusionMatrix(3)
    matrix.update([[0, 1]], [[0, 2]])
    tally = ImageTally(3, None)
    for overlap in (BoundaryOverlap(1, 4), BoundaryOverlap(2, 2)):
        tally.hear(ImageScores("a", 4, 4, 0.1, {}, [Cell(0, 0, 1)], boundaries={0: overlap, 2: BoundaryOverlap(0, 3)}))
    tally.hear(ImageScores("a", 4, 4, 0.1, {}, [Cell(0, 0, 1)], boundaries={1: BoundaryOverlap(1, 4)}))

    scores = tally.add_to(matrix.scores())

    assert scores["class_boundary_iou"] == pytest.approx([0.5, 0.25, 0])
    assert scores["boundary_iou"] == pytest.approx(0.375)  # class 2 does not occur in the ground truth
