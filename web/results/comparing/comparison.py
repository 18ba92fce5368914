"""Evaluations side by side: each score with its difference to that of a base, and what the images say of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from web.results.comparing.scores import ScoreLine
from web.text.formats import as_points
from worker.jobs.catalog import parse_integer
from worker.jobs.results.comparison import Comparison, Difference

_STEPS = (0.5, 2, 5, 10)  # points above which a difference is coloured more strongly


@dataclass(frozen=True)
class Change:
    """A score minus that of the base."""

    value: float
    interval: Difference | None = None  # of 95 %; None where it was not computed

    @property
    def is_noise(self) -> bool:
        """Whether other images could as well have turned it around."""
        return self.interval is not None and self.interval.is_noise

    @property
    def heat(self) -> str:
        """The class of its colour: "gain-1" to "gain-5", "loss-1" to "loss-5"; empty for none, and within noise."""
        shown = as_points(self.value)
        if not shown or self.is_noise:
            return ""
        return f"{'gain' if shown > 0 else 'loss'}-{1 + sum(abs(shown) > step for step in _STEPS)}"


@dataclass(frozen=True)
class Cell:
    """A score of one evaluation."""

    value: float | None
    change: Change | None  # None of the base, where one of both scores is missing, and of what is not comparable
    is_best: bool  # whether no other evaluation reaches it


@dataclass(frozen=True)
class ComparedLine:
    """One score of several evaluations."""

    title: str
    cells: Sequence[Cell]
    index: int | None = None  # of a class
    colour: str | None = None


def compare_line(
    line: ScoreLine, base: int, comparable: Sequence[bool], intervals: Sequence[Difference | None]
) -> ComparedLine:
    """Compare the values of a line with that of the base.

    Args:
        line: the values.
        base: the place of the base among them.
        comparable: by place, whether the difference to the base means anything.
        intervals: by place, of this difference.
    """
    cells = [
        Cell(
            value=value,
            change=_change(value, line.values[base], intervals[place]) if place != base and comparable[place] else None,
            is_best=all(comparable) and place == line.best,
        )
        for place, value in enumerate(line.values)
    ]
    return ComparedLine(line.title, cells, line.index, line.colour)


def intervals_of(line: ScoreLine, comparisons: Sequence[Comparison | None]) -> list[Difference | None]:
    """The intervals of a line, by place; None where there is no comparison, or none of this score."""
    return [None if each is None else _interval(line, each) for each in comparisons]


def search_and_sort(
    lines: Sequence[ComparedLine], search: str, sort: str, job_ids: Sequence[int]
) -> list[ComparedLine]:
    """Take the lines whose title contains a text, in an order.

    Args:
        lines: of classes, by index.
        search: in capital letters or small ones.
        sort: "index", "name", a job's number for its scores, or "12-difference" for its difference to the base;
            a leading "-" turns the order around. Lines without a value come last either way.
        job_ids: of the cells of a line.
    """
    found = [line for line in lines if search.casefold() in line.title.casefold()]
    falling, name = sort.startswith("-"), sort.removeprefix("-")
    if name == "name":
        return sorted(found, key=lambda line: line.title.casefold(), reverse=falling)
    number, _, what = name.partition("-")
    job_id = parse_integer(number)
    if job_id not in job_ids:
        return found[::-1] if falling else found
    place = job_ids.index(job_id)
    pairs = [(_value(line.cells[place], of_change=what == "difference"), line) for line in found]
    known = sorted((pair for pair in pairs if pair[0] is not None), key=lambda pair: pair[0] or 0.0, reverse=falling)
    return [line for _, line in known] + [line for value, line in pairs if value is None]


def _value(cell: Cell, *, of_change: bool) -> float | None:
    if not of_change:
        return cell.value
    return None if cell.change is None else cell.change.value


def _change(value: float | None, base: float | None, interval: Difference | None) -> Change | None:
    return None if value is None or base is None else Change(value - base, interval)


def _interval(line: ScoreLine, comparison: Comparison) -> Difference | None:
    if line.index is not None:
        return comparison.class_iou.get(line.index)
    return comparison.scores.get(line.name)
