"""Whether one evaluation is better than another, or whether it is noise."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.worker.jobs.results.images import evaluated
from worker.jobs.results.comparison import compare
from worker.jobs.results.record import ImageResult
from worker.jobs.results.store import Results
from worker.jobs.results.writer import write_part
from worker.jobs.settings import load_settings

Record = Callable[[str, list[ImageResult]], Results]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    def write(name: str, images: list[ImageResult]) -> Results:
        write_part(tmp_path / name, images)
        return Results(load_settings(home=tmp_path), lambda: [tmp_path / name])

    return write


def image(name: int, right: int, of: int = 100) -> ImageResult:
    """Two classes of equal size; `right` of each class's pixels are right."""
    return evaluated(str(name), (0, 0, right), (0, 1, of - right), (1, 1, right), (1, 0, of - right))


def test_an_evaluation_that_is_better_in_every_image_is_better(record: Record) -> None:
    worse = record("a", [image(number, 70 + number % 5) for number in range(40)])
    better = record("b", [image(number, 75 + number % 5) for number in range(40)])
    found = compare(worse, better)
    assert found is not None
    assert found.n_images == 40
    assert 0 < found.scores["mean_iou"].low < found.scores["mean_iou"].value < found.scores["mean_iou"].high
    assert not found.scores["mean_iou"].is_noise
    assert set(found.class_iou) == {0, 1}
    mirrored = compare(better, worse)
    assert mirrored is not None
    assert mirrored.scores["mean_iou"].value == pytest.approx(-found.scores["mean_iou"].value)


def test_the_value_is_the_difference_of_the_classic_mean_iou(record: Record) -> None:
    found = compare(record("a", [image(0, 50), image(1, 90)]), record("b", [image(0, 60), image(1, 90)]))
    assert found is not None
    assert found.scores["mean_iou"].value == pytest.approx(150 / (400 - 150) - 140 / (400 - 140))


def test_differences_that_come_and_go_are_noise(record: Record) -> None:
    random = np.random.default_rng(0)
    gains = random.integers(-20, 21, 30)
    first = record("a", [image(number, 60) for number in range(30)])
    second = record("b", [image(number, 60 + int(gain)) for number, gain in enumerate(gains)])
    found = compare(first, second)
    assert found is not None
    assert found.scores["mean_iou"].is_noise


def test_an_interval_is_as_wide_as_the_mean_of_that_many_images_varies(record: Record) -> None:
    """In images with equal unions the difference is a mean, whose interval is known."""
    random = np.random.default_rng(1)
    gains = random.integers(0, 11, 3000)  # more than one block
    first = record("a", [evaluated(str(n), (0, 0, 50), (0, 1, 50)) for n in range(3000)])
    second = record("b", [evaluated(str(n), (0, 0, 50 + int(g)), (0, 1, 50 - int(g))) for n, g in enumerate(gains)])
    found = compare(first, second)
    assert found is not None
    wide = 2 * 1.96 * gains.std() / 100 / 3000**0.5
    assert found.scores["mean_iou"].high - found.scores["mean_iou"].low == pytest.approx(wide, rel=0.1)


def test_evaluations_of_other_images_are_not_compared(record: Record) -> None:
    assert compare(record("a", [image(0, 50)]), record("b", [image(1, 50)])) is None
    assert compare(record("c", []), record("d", [])) is None


def test_all_summary_scores_have_intervals(record: Record) -> None:
    first = record("a", [evaluated("0", (0, 0, 50), (0, 1, 50)), evaluated("1", (1, 1, 100))])
    second = record("b", [evaluated("0", (0, 0, 60), (0, 1, 40)), evaluated("1", (1, 1, 100))])
    found = compare(first, second)
    assert found is not None
    assert found.scores["pixel_accuracy"].value == pytest.approx(0.05)
    assert found.scores["mean_accuracy"].value == pytest.approx(0.05)
    mean_iou = (0.6 + 100 / 140 - 0.5 - 100 / 150) / 2
    assert found.scores["mean_iou"].value == pytest.approx(mean_iou)
    assert found.scores["frequency_weighted_iou"].value == pytest.approx(mean_iou)  # the classes are as frequent
    # A quarter of the draws has one class alone: the other one is left out of their means.
    assert found.scores["mean_accuracy"].high == pytest.approx(0.1)
    assert found.scores["mean_accuracy"].low == pytest.approx(0)


def test_another_ground_truth_is_not_compared(record: Record) -> None:
    first = record("a", [evaluated("0", (0, 0, 50), (0, 1, 50))])
    second = record("b", [evaluated("0", (0, 0, 50), (1, 1, 50))])
    assert compare(first, second) is None
