"""A comparison of evaluations as CSV."""

import csv
import io
from collections.abc import Sequence

from deeplab.inference.manifest import guarded
from web.results.comparing.comparison import Cell, ComparedLine


def as_csv(job_ids: Sequence[int], base: int, lines: Sequence[ComparedLine]) -> str:
    """Write lines of scores: fractions, and of each job but the base the difference to it with its 95 % interval.

    Args:
        job_ids: by place.
        base: place of the base.
        lines: a row each. What is not known stays empty.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["score", *(title for place, job_id in enumerate(job_ids) for title in _titles(job_id, place == base))]
    )
    for line in lines:
        writer.writerow(
            [
                guarded(line.title),
                *(value for place, cell in enumerate(line.cells) for value in _values(cell, place == base)),
            ]
        )
    return text.getvalue()


def _titles(job_id: int, is_base: bool) -> list[str]:
    name = f"job {job_id}"
    return [name] if is_base else [name, f"{name} difference", f"{name} low", f"{name} high"]


def _values(cell: Cell, is_base: bool) -> list[float | None]:
    if is_base:
        return [cell.value]
    if cell.change is None:
        return [cell.value, None, None, None]
    interval = cell.change.interval
    bounds = [None, None] if interval is None else [interval.low, interval.high]
    return [cell.value, cell.change.value, *bounds]
