"""Ask questions of a job's results. No answer grows with the number of images but those that say so."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

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
from worker.jobs.results.tables import IMAGES, TABLES
from worker.jobs.settings import Settings

_MANY = 100  # images, for which a list of names takes longer than reading what lies between


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
        places = self._places(wanted, order, start, limit + 1)
        more = len(places) > limit
        del places[limit:]
        if start is not None and start.back:
            places.reverse()
        found = {image.key: image for image in self._images([place.key for place in places])}
        places = [place for place in places if as_key(place.key) in found]
        previous, following = cursors_beside(places, start, more=more)
        return Page(
            images=[found[as_key(place.key)] for place in places],
            values=[known_value(place) for place in places],
            previous=previous,
            following=following,
            first=self._count_before(wanted, order, places[0]) if places and start is not None else 0,
        )

    def count(self, wanted: Filter) -> int:
        """Count the images that a filter lets through."""
        clauses = clauses_of(wanted)
        return int(self._ask(f"SELECT count(*) {clauses.source}", clauses.values)[0][0])

    def summarize(self) -> Summary:
        """Count images, errors and videos, and what is known of them."""
        good_video = "frames IS NOT NULL AND status = 'ok'"
        [row] = self._ask(
            "SELECT count(*), count(*) FILTER (status = 'error'), count(frames),"  # noqa: S608
            f" count(*) FILTER ({good_video}), coalesce(sum(frames) FILTER ({good_video}), 0)::BIGINT,"
            " count(mean_iou), count(confidence), count(label_quality) FROM images",
            {},
        )
        return Summary(*row)

    def find(self, key: str) -> Image | None:
        """Find an image by its key."""
        try:
            number = int(key, 16)
        except ValueError:
            return None
        return next(iter(self._images([number])), None) if 0 <= number < 2**64 else None

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
        found = self._ask(
            'SELECT classes FROM images WHERE path = $path AND "key" = $this',
            {"path": image.path, "this": int(image.key, 16)},
        )
        return classes_of(found[0][0]) if found else []

    def classes_of(self, images: Sequence[Image]) -> dict[str, list[ClassInImage]]:
        """List the classes of some images, by key of the image, the largest share first."""
        rows = self._image_rows([int(image.key, 16) for image in images], ('"key"', "classes"))
        return {as_key(key): classes_of(listed) for key, listed in rows}

    def totals(self, wanted: Filter | None = None) -> list[ClassTotal]:
        """Sum up each class over the images that a filter lets through, the largest first."""
        clauses = clauses_of(wanted or Filter())
        within = "" if wanted in (None, Filter()) else f'AND "key" IN (SELECT "key" {clauses.source})'
        rows = self._ask(
            "SELECT class, sum(pixels)::BIGINT AS total, count(*) FROM classes"  # noqa: S608
            f" WHERE pixels > 0 {within} GROUP BY class ORDER BY total DESC, class",
            clauses.values if within else {},
        )
        return [ClassTotal(*row) for row in rows]

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
        for places in self._stream_places(wanted, at_once):
            yield from map(image_of, self._rows_at(places, IMAGE_COLUMNS))

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

    def _stream_places(self, wanted: Filter, at_once: int) -> Iterator[list[Place]]:
        order = parse_sort("name", wanted)
        start: Place | None = None
        while places := self._places(wanted, order, start, at_once):
            yield places
            start = places[-1]

    def _places(self, wanted: Filter, order: Sort, start: Place | None, limit: int) -> list[Place]:
        """Find the first places of an order after, or before, another one; the nearest first."""
        back = start is not None and start.back
        clauses = clauses_of(wanted, order.needs)
        if start is not None:
            require_beyond(clauses, order, start)
        found = self._ask(
            f'SELECT "key", {order.value} AS value {clauses.source}'
            f" ORDER BY {direction(order, back=back)} LIMIT {limit}",
            clauses.values,
        )
        return [Place(value, key, back=False) for key, value in found]

    def _next_key(self, wanted: Filter, order: Sort, place: Place) -> str | None:
        return next((as_key(each.key) for each in self._places(wanted, order, place, 1)), None)

    def _count_before(self, wanted: Filter, order: Sort, place: Place) -> int:
        clauses = clauses_of(wanted, order.needs)
        require_beyond(clauses, order, replace(place, back=True))
        return int(self._ask(f"SELECT count(*) {clauses.source}", clauses.values)[0][0])

    def _images(self, keys: Sequence[int]) -> list[Image]:
        return [image_of(row) for row in self._image_rows(keys, IMAGE_COLUMNS)]

    def _image_rows(self, keys: Sequence[int], columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """Read images, in the order of their keys; the first column is the key.

        Their paths are looked up first: the table is sorted by them, so that of the other columns little is read.
        """
        if not keys:  # of a job without results, of which no table has any column
            return []
        paths = [path for (path,) in self._ask(f"SELECT path FROM images WHERE {_one_of('key', keys)}", {})]  # noqa: S608
        if len(paths) > _MANY:  # mostly they are neighbours
            return self._rows_with(keys, columns, "BETWEEN $low AND $high", {"low": min(paths), "high": max(paths)})
        values = {f"path_{place}": path for place, path in enumerate(paths)}
        within = f"IN ({', '.join(f'${name}' for name in values) or 'NULL'})"
        return self._rows_with(keys, columns, within, values)

    def _rows_at(self, places: Sequence[Place], columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """Read images that follow each other by name, as `_image_rows` does: of the table, only what lies there."""
        values = {"low": places[0].value, "high": places[-1].value}
        return self._rows_with([place.key for place in places], columns, "BETWEEN $low AND $high", values)

    def _rows_with(
        self, keys: Sequence[int], columns: Sequence[str], within: str, values: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        rows = self._ask(
            f"SELECT {', '.join(columns)} FROM images WHERE path {within} AND {_one_of('key', keys)}",  # noqa: S608
            values,
        )
        by_key = {row[0]: row for row in rows}
        return [by_key[key] for key in keys if key in by_key]

    def _ask(
        self, question: str, values: Mapping[str, Any], fetch: Callable[[duckdb.DuckDBPyConnection], Any] = _fetch_rows
    ) -> Any:
        """Ask the parts; if they were merged in the meantime, ask what they have become."""
        while True:
            try:
                return self._ask_now(question, values, fetch)
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


def _one_of(column: str, numbers: Sequence[int]) -> str:
    return f'"{column}" IN ({", ".join(map(str, numbers))})' if numbers else "false"
