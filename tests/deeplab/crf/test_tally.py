from pathlib import Path

import numpy as np
import pytest

from deeplab.crf.labelling import Refined
from deeplab.crf.tally import Tally
from deeplab.datasets.sample import Sample

LABEL = np.array([[0, 1], [1, 255]], np.uint8)


def refined(sample_id: str, number: int, labels: list[list[int]]) -> Refined:
    return Refined(Sample(sample_id, np.zeros((2, 2, 3), np.uint8), LABEL), number, np.array(labels, np.uint8), 0.1)


@pytest.fixture
def half_done() -> Tally:
    """Two settings, of which the first is right; one image is done and half of another."""
    tally = Tally(2, 2, ["a", "b"])
    tally.add(refined("a", 0, [[0, 1], [1, 0]]))
    tally.add(refined("a", 1, [[0, 0], [0, 0]]))
    tally.add(refined("b", 0, [[1, 0], [0, 0]]))
    return tally


def test_only_whole_images_count(half_done: Tally) -> None:
    assert (half_done.n_done, half_done.n_images) == (1, 2)
    right, wrong = half_done.scores()
    assert right["pixel_accuracy"] == 1
    assert wrong["pixel_accuracy"] == pytest.approx(1 / 3)
    assert right["n_images"] == 1


def test_a_saved_tally_is_continued(half_done: Tally, tmp_path: Path) -> None:
    half_done.save(tmp_path / "new" / "tally.npz")
    tally = Tally(2, 2, ["a", "b"])
    tally.load(tmp_path / "new" / "tally.npz")
    assert tally.n_done == 1
    assert [each.as_json() for each in tally.scores()] == [each.as_json() for each in half_done.scores()]
    for number in (0, 1):
        tally.add(refined("b", number, [[1, 0], [0, 0]]))
    assert tally.n_done == 2
    assert tally.scores()[0]["pixel_accuracy"] == 0.5


@pytest.mark.parametrize(("n_settings", "ids"), [(3, ["a", "b"]), (2, ["c", "b"])])
def test_the_tally_of_another_search_is_not_continued(
    half_done: Tally, tmp_path: Path, n_settings: int, ids: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    half_done.save(tmp_path / "tally.npz")
    tally = Tally(n_settings, 2, ids)
    tally.load(tmp_path / "tally.npz")
    assert tally.n_done == 0
    assert "is of another search; this one starts over." in caplog.text
