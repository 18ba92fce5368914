"""Ask questions of a job's results. No answer grows with the number of images but those that say so."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
from numpy.typing import NDArray

from deeplab.errors import OutputError
from worker.jobs.results import engine
from worker.jobs.results.filters import Clauses, Filter, QuestionError, Sort, clauses_of, parse_sort
from worker.jobs.results.tables import TABLES, Table
from worker.jobs.settings import Settings


@dataclass(frozen=True)
class ClassInImage:
    """One class in one image; what was not computed is None."""

    index: int
    pixels: int  # of the label map
    share: float  # of the image's pixels
    iou: float | None
    confidence: float | None
    label_quality: float | None


@dataclass(frozen=True)
class Image:
    """One image, or video, of a job."""

    key: str
    path: str  # as it can be shown
    file: bytes  # the path's own bytes
    width: int | None
    height: int | None
    status: str
    error: str
    seconds: float
    frames: int | None
    confidence: float | None
    label_quality: float | None
    pixel_accuracy: float | None
    mean_iou: float | None


@dataclass(frozen=True)
class Page:
    """Some images in an order, with the cursors of the pages beside it; None where there is none."""

    images: Sequence[Image]
    previous: str | None
    following: str | None
    first: int  # place of the first image in the whole order, from 0 on


@dataclass(frozen=True)
class ClassTotal:
    """One class over all images of a job."""

    index: int
    pixels: int
    n_images: int


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
        start = None if cursor is None else _parse_cursor(cursor)
        back = start is not None and start.back
        clauses = clauses_of(wanted, order.needs)
        if start is not None:
            _require_beyond(clauses, order, start)
        found = self._ask(
            f'SELECT "key", {order.value} AS value {clauses.source}'
            f" ORDER BY {_direction(order, back)} LIMIT {limit + 1}",
            clauses.values,
        )
        more = len(found) > limit
        places = [_Place(value, key, back=False) for key, value in found[:limit]]
        if back:
            places.reverse()
        images = self._images([place.key for place in places])
        return Page(
            images=images,
            previous=_cursor(places[0], back=True) if places and (more if back else start is not None) else None,
            following=_cursor(places[-1], back=False) if places and (back or more) else None,
            first=self._count_before(wanted, order, places[0]) if places else 0,
        )

    def count(self, wanted: Filter) -> int:
        """Count the images that a filter lets through."""
        clauses = clauses_of(wanted)
        return int(self._ask(f"SELECT count(*) {clauses.source}", clauses.values)[0][0])

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
        place = _Place(found[0][0], found[0][1], back=False)
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
        classes = (_class(each) for (listed,) in found for each in listed or ())
        return sorted(classes, key=lambda each: -each.pixels)

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

    def stream(self, wanted: Filter, sort: str = "name", at_once: int = 500) -> Iterator[Image]:
        """Yield all images that a filter lets through, page by page."""
        cursor: str | None = None
        while True:
            page = self.page(wanted, sort, cursor, at_once)
            yield from page.images
            if page.following is None:
                return
            cursor = page.following

    def _next_key(self, wanted: Filter, order: Sort, place: "_Place") -> str | None:
        clauses = clauses_of(wanted, order.needs)
        _require_beyond(clauses, order, place)
        found = self._ask(
            f'SELECT "key", {order.value} AS value {clauses.source} ORDER BY {_direction(order, place.back)} LIMIT 1',
            clauses.values,
        )
        return as_key(found[0][0]) if found else None

    def _count_before(self, wanted: Filter, order: Sort, place: "_Place") -> int:
        clauses = clauses_of(wanted, order.needs)
        _require_beyond(clauses, order, replace(place, back=True))
        return int(self._ask(f"SELECT count(*) {clauses.source}", clauses.values)[0][0])

    def _images(self, keys: Sequence[int]) -> list[Image]:
        """Read images, in the order of their keys.

        Their paths are looked up first: the table is sorted by them, so that of the other columns little is read.
        """
        paths = [path for (path,) in self._ask(f"SELECT path FROM images WHERE {_one_of('key', keys)}", {})]  # noqa: S608
        values = {f"path_{place}": path for place, path in enumerate(paths)}
        within = ", ".join(f"${name}" for name in values) or "NULL"
        rows = self._ask(
            f"SELECT {', '.join(_IMAGE)} FROM images WHERE path IN ({within}) AND {_one_of('key', keys)}",  # noqa: S608
            values,
        )
        by_key = {row[0]: _image(row) for row in rows}
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
                    raise OutputError(f"The results of the job cannot be read: {str(error).splitlines()[0]}") from error

    def _ask_now(
        self, question: str, values: Mapping[str, Any], fetch: Callable[[duckdb.DuckDBPyConnection], Any]
    ) -> Any:
        with engine.reader(self._settings) as connection:
            tables = ", ".join(f"{table.name} AS ({self._rows_of(table)})" for table in TABLES)
            return fetch(connection.execute(f"WITH {tables} {question}", dict(values)))

    def _rows_of(self, table: Table) -> str:
        files = ", ".join("'" + str(folder / table.file).replace("'", "''") + "'" for folder in self._folders)
        return f"FROM read_parquet([{files}])" if files else f"SELECT {table.nulls} WHERE false"


@dataclass(frozen=True)
class _Place:
    """An image's place in an order, and in which direction to look from it."""

    value: Any
    key: int
    back: bool


def _cursor(place: _Place, *, back: bool) -> str:
    text = json.dumps([place.value, str(place.key), back], separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _parse_cursor(text: str) -> _Place:
    try:
        value, key, back = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(value, str | float | int) or not isinstance(back, bool):
            raise ValueError
        return _Place(value, int(key), back)
    except (ValueError, TypeError, UnicodeError):
        raise QuestionError(f"cursor is not one of this list's pages, got {text!r}.") from None


def _require_beyond(clauses: Clauses, order: Sort, place: _Place) -> None:
    """Let through what comes after a place in an order, or before it."""
    rising = order.falling == place.back
    sign = ">" if rising else "<"
    key_sign = "<" if place.back else ">"
    clauses.require(
        f'{order.value} {sign}= $value AND ({order.value} {sign} $value OR "key" {key_sign} $place)',
        value=place.value,
        place=place.key,
    )


def _direction(order: Sort, back: bool) -> str:
    value = "DESC" if order.falling != back else "ASC"
    return f'value {value}, "key" {"DESC" if back else "ASC"}'


def as_key(number: int) -> str:
    """The key of an image as addresses have it."""
    return f"{number:016x}"


def _one_of(column: str, numbers: Sequence[int]) -> str:
    return f'"{column}" IN ({", ".join(map(str, numbers))})' if numbers else "false"


_IMAGE = (
    '"key"',
    "path",
    "raw_path",
    "width",
    "height",
    "status",
    "error",
    "seconds",
    "frames",
    "confidence",
    "label_quality",
    "pixel_accuracy",
    "mean_iou",
)


def _image(row: Sequence[Any]) -> Image:
    key, path, raw_path, *others = row
    return Image(as_key(key), path, path.encode() if raw_path is None else bytes(raw_path), *others)


def _class(each: Mapping[str, Any]) -> ClassInImage:
    return ClassInImage(
        each["class"], each["pixels"], each["share"], each["iou"], each["confidence"], each["label_quality"]
    )
