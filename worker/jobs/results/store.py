"""Ask questions of a job's results. No answer grows with the number of images but those that say so."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import duckdb
from numpy.typing import NDArray

from deeplab.errors import OutputError
from worker.jobs.results import engine
from worker.jobs.results.answers import (
    IMAGE_COLUMNS,
    ClassInImage,
    ClassTotal,
    Image,
    Page,
    Summary,
    as_key,
    classes_of,
    image_of,
)
from worker.jobs.results.filters import Filter, Sort, clauses_of, parse_sort
from worker.jobs.results.places import Place, cursors_beside, direction, known_value, parse_cursor, require_beyond
from worker.jobs.results.sums import PartSums, add_summaries, add_totals, read_sums
from worker.jobs.results.tables import IMAGES, TABLES
from worker.jobs.settings import Settings

_Answer = TypeVar("_Answer")


def _place_of(row: Sequence[Any]) -> Place:
    """Where an image is in an order: its value there, and its key."""
    return Place(row[0], row[1], back=False)


def _fetch_rows(answer: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return answer.fetchall()


class Results:
    """The results of one job.

    Args:
        settings: of the platform.
        list_folders: lists the folders of the parts that hold them now; asked again if one was merged meanwhile.
    """

    def __init__(self, settings: Settings, list_folders: Callable[[], Sequence[Path]]) -> None:
        self._settings = settings
        self._list_folders = list_folders
        self._folders = list_folders()

    @property
    def is_empty(self) -> bool:
        """Whether there is no image yet."""
        return not self._folders

    def page(self, wanted: Filter, sort: str = "name", cursor: str | None = None, limit: int = 24) -> Page:
        """Find some images in an order, after or before a cursor.

        Raises:
            QuestionError: if there is no such order, or the cursor is not one of this order's pages.
        """
        order = parse_sort(sort, wanted)
        start = None if cursor is None else parse_cursor(cursor, order)
        rows = self._rows(wanted, order, start, limit + 1, IMAGE_COLUMNS)
        more = len(rows) > limit
        del rows[limit:]
        if start is not None and start.back:
            rows.reverse()
        places = [_place_of(row) for row in rows]
        previous, following = cursors_beside(places, start, more=more)
        return Page(
            images=[image_of(row[1:]) for row in rows],
            values=[known_value(place) for place in places],
            previous=previous,
            following=following,
            first=self._count_before(wanted, order, places[0]) if places and start is not None else 0,
        )

    def count(self, wanted: Filter) -> int:
        """Count the images that a filter lets through."""
        if wanted == Filter():
            return self.summarize().n_images
        clauses = clauses_of(wanted)
        return int(self._ask(f"SELECT count(*) {clauses.source}", clauses.values)[0][0])

    def counts(self, wanted: Filter) -> tuple[int, int]:
        """Count the images that a filter lets through, and those of them without an error."""
        if wanted == Filter():
            summary = self.summarize()
            return summary.n_images, summary.n_good
        clauses = clauses_of(wanted, "images")
        [(n_images, n_good)] = self._ask(
            f"SELECT count(*), count(*) FILTER (images.status = 'ok') {clauses.source}", clauses.values
        )
        return n_images, n_good

    def summarize(self) -> Summary:
        """Count images, errors and videos, and what is known of them."""
        return add_summaries(self._sums())

    def totals(self) -> list[ClassTotal]:
        """Sum up each class over all images, the largest first."""
        return add_totals(self._sums())

    def find(self, key: str) -> Image | None:
        """Find an image by its key."""
        try:
            number = int(key, 16)
        except ValueError:
            return None
        if not 0 <= number < 2**64:
            return None
        found = self._ask(f'SELECT {", ".join(IMAGE_COLUMNS)} FROM images WHERE "key" = $this', {"this": number})  # noqa: S608
        return image_of(found[0]) if found else None

    def beside(self, image: str, wanted: Filter, sort: str = "name") -> tuple[str | None, str | None, int | None]:
        """Find the keys before and after an image in an order, and its place; None where it has none."""
        order = parse_sort(sort, wanted)
        clauses = clauses_of(wanted, order.needs)
        clauses.require('"key" = $this', this=int(image, 16))
        found = self._ask(f'SELECT {order.value}, "key" {clauses.source}', clauses.values)
        if not found:
            return None, None, None
        place = Place(found[0][0], found[0][1], back=False)
        return (
            self._next_key(wanted, order, replace(place, back=True)),
            self._next_key(wanted, order, place),
            self._count_before(wanted, order, place),
        )

    def classes_in(self, image: Image) -> list[ClassInImage]:
        """List the classes of one image, the largest share first."""
        return self.classes_of([image]).get(image.key, [])

    def classes_of(self, images: Sequence[Image]) -> dict[str, list[ClassInImage]]:
        """List the classes of some images, by key of the image, the largest share first."""
        if not images or self.is_empty:  # of a job without results no table has lists of classes
            return {}
        paths, keys = [image.path for image in images], [int(image.key, 16) for image in images]
        rows = self._ask(
            'SELECT "key", classes FROM images WHERE path BETWEEN $low AND $high AND "key" IN $keys',
            {"low": min(paths), "high": max(paths), "keys": keys},
        )
        return {as_key(key): classes_of(listed) for key, listed in rows}

    def counts_by_image(self) -> dict[str, NDArray[Any]]:
        """Read the pixels of every evaluated image and class: columns key, class, hits, union and true.

        Grows with the number of images: about 30 bytes for each class of an image.
        """
        columns = (
            'SELECT "key", class, hits::FLOAT AS hits, (true_pixels + labelled_pixels - hits)::FLOAT AS "union",'
            ' true_pixels::FLOAT AS "true" FROM classes WHERE true_pixels IS NOT NULL'
        )
        found: dict[str, NDArray[Any]] = self._ask(columns, {}, lambda answer: answer.fetchnumpy())
        return found

    def shared_stems(self) -> set[str]:
        """Paths without suffix that several good images have in common, or that are another one's whole path."""
        stems = (
            r"SELECT regexp_replace(path, '\.[^./]*$', '') AS stem FROM images WHERE status = 'ok' AND frames IS NULL"
        )
        found = self._ask(
            f"SELECT stem FROM ({stems}) GROUP BY stem HAVING count(*) > 1 OR stem IN (SELECT path FROM images)",  # noqa: S608
            {},
        )
        return {stem for (stem,) in found}

    def stream(self, wanted: Filter, at_once: int = 2000) -> Iterator[Image]:
        """Yield all images that a filter lets through, by name, some at once."""
        order = parse_sort("name", wanted)
        start: Place | None = None
        while rows := self._rows(wanted, order, start, at_once, IMAGE_COLUMNS):
            yield from (image_of(row[1:]) for row in rows)
            start = _place_of(rows[-1])

    def read_through(self, columns: Sequence[str], at_once: int = 2000) -> Iterator[tuple[Any, ...]]:
        """Yield some columns of every image, by name, with one question: quicker than `stream` for very many.

        The first comes only when all are sorted, through files if need be.

        Raises:
            OutputError: if the results cannot be read, such as those that are merged at the time.
        """
        if self.is_empty:  # no table has any column of lists
            return
        question = f"SELECT {', '.join(columns)} FROM images ORDER BY {IMAGES.order}"  # noqa: S608
        try:
            with engine.reader(self._settings) as connection:
                answer = connection.execute(self._over_tables(question))
                while rows := answer.fetchmany(at_once):
                    yield from rows
        except duckdb.IOException as error:
            raise _unreadable(error) from error

    def _rows(
        self, wanted: Filter, order: Sort, start: Place | None, limit: int, columns: Sequence[str]
    ) -> list[tuple[Any, ...]]:
        """Find the first images of an order after, or before, a place, the nearest first.

        Returns:
            The value that the order is by, the key, and the other columns.
        """
        clauses = clauses_of(wanted, order.needs)
        clauses.join("images")
        if start is not None:
            require_beyond(clauses, order, start)
        named = ", ".join(f"images.{column}" for column in columns)
        rows: list[tuple[Any, ...]] = self._ask(
            f"SELECT {order.value} AS value, {named} {clauses.source}"
            f" ORDER BY {direction(order, back=start is not None and start.back)} LIMIT {limit}",
            clauses.values,
        )
        return rows

    def _next_key(self, wanted: Filter, order: Sort, place: Place) -> str | None:
        return next((as_key(row[1]) for row in self._rows(wanted, order, place, 1, IMAGE_COLUMNS[:1])), None)

    def _count_before(self, wanted: Filter, order: Sort, place: Place) -> int:
        clauses = clauses_of(wanted, order.needs)
        require_beyond(clauses, order, replace(place, back=True))
        return int(self._ask(f"SELECT count(*) {clauses.source}", clauses.values)[0][0])

    def _sums(self) -> list[PartSums]:
        return self._of_parts(lambda: read_sums(self._settings, self._folders))

    def _ask(
        self, question: str, values: Mapping[str, Any], fetch: Callable[[duckdb.DuckDBPyConnection], Any] = _fetch_rows
    ) -> Any:
        return self._of_parts(lambda: self._ask_now(question, values, fetch))

    def _of_parts(self, ask: Callable[[], _Answer]) -> _Answer:
        """Ask the parts; if they were merged in the meantime, ask what they have become."""
        while True:
            try:
                return ask()
            except duckdb.IOException as error:
                earlier, self._folders = self._folders, self._list_folders()
                if earlier == self._folders:
                    raise _unreadable(error) from error

    def _ask_now(
        self, question: str, values: Mapping[str, Any], fetch: Callable[[duckdb.DuckDBPyConnection], Any]
    ) -> Any:
        with engine.reader(self._settings) as connection:
            return fetch(connection.execute(self._over_tables(question), dict(values)))

    def _over_tables(self, question: str) -> str:
        """A question, with the tables that it names."""
        tables = ", ".join(f"{table.name} AS ({table.rows_in(self._folders)})" for table in TABLES)
        return f"WITH {tables} {question}"


def _unreadable(error: duckdb.Error) -> OutputError:
    return OutputError(f"The results of the job cannot be read: {str(error).splitlines()[0]}")
