"""What the images of an evaluation are worth together."""

import pytest

from deeplab.image_scores import Cell, ImageScores
from deeplab.metrics import ConfusionMatrix
from deeplab.observation import ImageTally


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
