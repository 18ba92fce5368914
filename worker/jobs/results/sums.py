"""Sums over the images of a job, part by part: what is in a part never changes, so that each is read once."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from worker.jobs.results import engine
from worker.jobs.results.answers import ClassTotal, Summary
from worker.jobs.results.tables import CLASSES, IMAGES, Table
from worker.jobs.settings import Settings

_MOST = 500  # parts that are remembered, some kilobytes each; a running job has 50 at most

_GOOD_VIDEO = "frames IS NOT NULL AND status = 'ok'"
_SUMMARY = (
    "SELECT filename, count(*), count(*) FILTER (status = 'error'), count(frames),"  # noqa: S608
    f" count(*) FILTER ({_GOOD_VIDEO}), coalesce(sum(frames) FILTER ({_GOOD_VIDEO}), 0)::BIGINT,"
    " count(mean_iou), count(confidence), count(label_quality) FROM rows GROUP BY filename"
)
_TOTALS = "SELECT filename, class, sum(pixels)::BIGINT, count(*) FROM rows WHERE pixels > 0 GROUP BY filename, class"


@dataclass
class PartSums:
    """What the rows of a part add up to."""

    summary: Summary = field(default_factory=Summary)
    totals: list[ClassTotal] = field(default_factory=list)


_lock = threading.Lock()
_remembered: dict[Path, PartSums] = {}


def read_sums(settings: Settings, folders: Sequence[Path]) -> list[PartSums]:
    """The sums of some parts; of those that somebody asked for before nothing is read.

    Raises:
        duckdb.IOException: if a file of a part cannot be read.
    """
    with _lock:
        found = {folder: _remembered[folder] for folder in folders if folder in _remembered}
    if unknown := [folder for folder in folders if folder not in found]:
        read = _read(settings, unknown)
        found |= read
        with _lock:
            _remembered.update(read)
            while len(_remembered) > _MOST:
                _remembered.pop(next(iter(_remembered)))
    return [found[folder] for folder in folders]


def add_summaries(sums: Sequence[PartSums]) -> Summary:
    """Add up the summaries of parts."""
    return Summary(*(sum(getattr(each.summary, name.name) for each in sums) for name in fields(Summary)))


def add_totals(sums: Sequence[PartSums]) -> list[ClassTotal]:
    """Add up the classes of parts, the largest first."""
    pixels, n_images = Counter[int](), Counter[int]()
    for total in (total for each in sums for total in each.totals):
        pixels[total.index] += total.pixels
        n_images[total.index] += total.n_images
    totals = [ClassTotal(index, pixels[index], n_images[index]) for index in pixels]
    return sorted(totals, key=lambda total: (-total.pixels, total.index))


def _read(settings: Settings, folders: Sequence[Path]) -> dict[Path, PartSums]:
    """Read some parts at once, which takes little longer than one of them."""
    sums = {folder: PartSums() for folder in folders}
    for folder, *summary in _ask(settings, _SUMMARY, IMAGES, folders):
        sums[folder].summary = Summary(*summary)
    for folder, *total in _ask(settings, _TOTALS, CLASSES, folders):
        sums[folder].totals.append(ClassTotal(*total))
    return sums


def _ask(settings: Settings, question: str, table: Table, folders: Sequence[Path]) -> Iterator[tuple[Any, ...]]:
    """Ask a table of some parts; the first value of an answer is a part's folder."""
    rows = table.rows_in(folders, with_files=True)
    with engine.reader(settings) as connection:
        answers = connection.execute(f"WITH rows AS ({rows}) {question}").fetchall()
    return ((Path(file).parent, *values) for file, *values in answers)
