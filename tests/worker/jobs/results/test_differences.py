"""The images in which one evaluation beats another most."""

from pathlib import Path

import pytest

from tests.worker.jobs.results.images import evaluated
from worker.jobs.results.differences import Differences
from worker.jobs.results.filters import QuestionError
from worker.jobs.results.record import item_key
from worker.jobs.results.writer import write_part
from worker.jobs.settings import load_settings

HITS = {"a": (50, 80), "b": (60, 60), "c": (90, 20), "d": (10, 40), "e": (30, 60)}  # of both jobs, of 100 pixels


@pytest.fixture
def folders(tmp_path: Path) -> tuple[list[Path], list[Path]]:
    """The rows of two jobs; class 1 occurs in the images a and c alone, where all jobs find it."""
    for place, name in enumerate(("before", "after")):
        images = []
        for path, hits in HITS.items():
            cells = [(0, 0, hits[place]), (0, 2, 100 - hits[place])] + ([(1, 1, 10)] if path in "ac" else [])
            images.append(evaluated(path, *cells))
        if name == "after":
            images.append(evaluated("only here", (0, 0, 5)))
        half = len(images) // 2  # a job may leave several parts
        write_part(tmp_path / name / "1", images[:half])
        write_part(tmp_path / name / "2", images[half:])
    return [tmp_path / "before" / "1", tmp_path / "before" / "2"], [tmp_path / "after" / "1", tmp_path / "after" / "2"]


def by_key(paths: str) -> list[str]:
    return sorted(paths, key=lambda path: int(item_key(path), 16))


def differences(folders: tuple[list[Path], list[Path]], class_index: int | None = None) -> Differences:
    return Differences(load_settings(home=folders[0][0].parent), *folders, class_index)


def test_the_class_decides_about_images_and_scores(folders: tuple[list[Path], list[Path]]) -> None:
    page = differences(folders, 0).page(falling=True)
    equal = by_key("ade")  # all of them gain 0.3
    assert [pair.path for pair in page.pairs] == [*equal, "b", "c"]
    last = page.pairs[-1]
    assert [last.before, last.after, last.difference] == pytest.approx([0.9, 0.2, -0.7])
    assert (last.key, last.width) == (item_key("c"), 10)
    assert [pair.path for pair in differences(folders, 1).page(falling=True).pairs] == by_key("ac")
    assert differences(folders, 2).page(falling=True).pairs == []


def test_mean_iou_counts_all_classes(folders: tuple[list[Path], list[Path]]) -> None:
    pairs = {pair.path: pair for pair in differences(folders).page(falling=True).pairs}
    assert set(pairs) == set(HITS)
    assert pairs["c"].difference < 0 < pairs["a"].difference


@pytest.mark.parametrize("falling", [True, False])
def test_pages_lead_there_and_back(folders: tuple[list[Path], list[Path]], falling: bool) -> None:
    found = differences(folders, 0)
    whole = [pair.path for pair in found.page(falling=falling).pairs]
    first = found.page(falling=falling, limit=2)
    second = found.page(falling=falling, limit=2, cursor=first.following)
    third = found.page(falling=falling, limit=2, cursor=second.following)
    pages = (first, second, third)
    assert [[pair.path for pair in page.pairs] for page in pages] == [whole[:2], whole[2:4], whole[4:]]
    assert [page.first for page in pages] == [0, 2, 4]
    assert (first.previous, third.following) == (None, None)
    again = found.page(falling=falling, limit=2, cursor=third.previous)
    assert [pair.path for pair in again.pairs] == whole[2:4]
    start = found.page(falling=falling, limit=2, cursor=again.previous)
    assert ([pair.path for pair in start.pairs], start.previous) == (whole[:2], None)


def test_they_are_counted_by_direction(folders: tuple[list[Path], list[Path]]) -> None:
    assert differences(folders, 0).count() == (5, 3, 1)


def test_a_foreign_cursor_is_refused(folders: tuple[list[Path], list[Path]]) -> None:
    with pytest.raises(QuestionError, match="cursor is not one of this list's pages"):
        differences(folders).page(falling=True, cursor="nonsense")
