"""Which parts are merged while others are still to come."""

from pathlib import Path

from worker.jobs.results import merging
from worker.jobs.results.parts import Part


def parts(*levels: int) -> list[Part]:
    return [Part(number, Path(str(number)), 10, level) for number, level in enumerate(levels)]


def test_few_parts_wait() -> None:
    assert merging.due(parts(*[0] * 15, 1, 1)) == []


def test_parts_of_one_level_are_merged_together() -> None:
    assert merging.due(parts(1, *[0] * 20)) == parts(1, *[0] * 20)[1:17]
    assert {part.level for part in merging.due(parts(0, *[1] * 16))} == {1}


def test_there_are_never_many_parts() -> None:
    left: list[Part] = []
    for number in range(5000):
        left.append(Part(number, Path(), 1, 0))
        while due := merging.due(left):
            left = [part for part in left if part not in due] + [Part(number, Path(), 1, due[0].level + 1)]
        assert len(left) <= 4 * (merging.TOGETHER - 1)
