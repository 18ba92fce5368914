"""The images in which one evaluation beats another most: a question about the results of two jobs at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from deeplab.errors import OutputError
from worker.jobs.results import engine
from worker.jobs.results.answers import as_key
from worker.jobs.results.filters import Clauses, Sort
from worker.jobs.results.places import Place, cursors_beside, direction, parse_cursor, require_beyond
from worker.jobs.results.tables import CLASSES, IMAGES
from worker.jobs.settings import Settings

Folders = Sequence[Path]  # that hold the rows of a job which has ended


@dataclass(frozen=True)
class ImagePair:
    """An image that two jobs evaluated."""

    key: str
    path: str
    width: int | None
    height: int | None
    before: float  # what the first job scores in it
    after: float  # what the second one does

    @property
    def difference(self) -> float:
        """How much more the second job scores."""
        return self.after - self.before


@dataclass(frozen=True)
class PairPage:
    """Some images in the order of their differences, with the cursors of the pages beside it; None: there is none."""

    pairs: Sequence[ImagePair]
    previous: str | None
    following: str | None
    first: int  # place of the first image in the whole order, from 0 on


class Differences:
    """The images that two jobs evaluated, by the difference of their scores.

    Args:
        settings: of the platform.
        before: the rows of the first job.
        after: those of the second one.
        class_index: compares the IoU of this class, in images where it occurs in the ground truth; None: the mean IoU.
    """

    def __init__(self, settings: Settings, before: Folders, after: Folders, class_index: int | None = None) -> None:
        self._settings = settings
        self._tables = ", ".join(
            f"{name} AS ({_scores(folders, class_index)})" for name, folders in (("a", before), ("b", after))
        )

    def page(self, *, falling: bool, cursor: str | None = None, limit: int = 24) -> PairPage:
        """Find the images with the largest differences, or with the smallest: those in which the first job wins.

        Raises:
            QuestionError: if the cursor is not one of this order's pages.
            OutputError: if the rows cannot be read.
        """
        order = Sort("difference", falling=falling)
        start = None if cursor is None else parse_cursor(cursor, order)
        back = start is not None and start.back
        clauses = Clauses(["pairs"])
        if start is not None:
            require_beyond(clauses, order, start)
        rows = self._ask(
            f'SELECT "key", path, width, height, before, after, difference AS value {clauses.source}'
            f" ORDER BY {direction(order, back=back)} LIMIT {limit + 1}",
            clauses,
        )
        more = len(rows) > limit
        rows = rows[:limit][::-1] if back else rows[:limit]
        places = [Place(row[-1], row[0], back=False) for row in rows]
        previous, following = cursors_beside(places, start, more=more)
        return PairPage(
            pairs=[ImagePair(as_key(row[0]), *row[1:-1]) for row in rows],
            previous=previous,
            following=following,
            first=self._count_before(order, places[0]) if places and start is not None else 0,
        )

    def count(self) -> tuple[int, int, int]:
        """Count the images: all, those in which the second job scores more, and those in which it scores less."""
        [row] = self._ask(
            "SELECT count(*), count(*) FILTER (difference > 0), count(*) FILTER (difference < 0) FROM pairs", Clauses()
        )
        return row[0], row[1], row[2]

    def _count_before(self, order: Sort, place: Place) -> int:
        clauses = Clauses(["pairs"])
        require_beyond(clauses, order, replace(place, back=True))
        return int(self._ask(f"SELECT count(*) {clauses.source}", clauses)[0][0])

    def _ask(self, question: str, clauses: Clauses) -> list[tuple[Any, ...]]:
        # Scores are stored with seven digits: what is equal up to them shall be equal.
        pairs = """pairs AS (
            SELECT a."key", a.path, a.width, a.height, a.score AS before, b.score AS after,
                round(b.score - a.score, 6) AS difference
            FROM a JOIN b USING ("key"))"""
        try:
            with engine.reader(self._settings) as connection:
                return connection.execute(f"WITH {self._tables}, {pairs} {question}", clauses.values).fetchall()
        except duckdb.IOException as error:
            raise OutputError(f"The results of the jobs cannot be read: {str(error).splitlines()[0]}") from error


def _scores(folders: Folders, class_index: int | None) -> str:
    """The images of a job with a score each, as SQL; without those of which it is not known."""
    images = f"({IMAGES.rows_in(folders)}) AS images"
    if class_index is None:
        return (
            'SELECT "key", path, width, height, mean_iou::DOUBLE AS score'  # noqa: S608
            f" FROM {images} WHERE mean_iou IS NOT NULL"
        )
    return (
        'SELECT "key", path, width, height, iou::DOUBLE AS score'  # noqa: S608
        f' FROM {images} JOIN ({CLASSES.rows_in(folders)}) AS classes USING ("key")'
        f" WHERE class = {class_index:d} AND true_pixels > 0 AND iou IS NOT NULL"
    )
