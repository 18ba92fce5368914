"""Write the records of images as a part: a folder with the three result tables."""

import itertools
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from deeplab.errors import OutputError
from deeplab.files import flush_to_disk, make_folder, printable
from deeplab.scores.image_scores import ImageScores
from worker.jobs.results import engine
from worker.jobs.results.record import ImageResult, item_key
from worker.jobs.results.tables import CELLS, CLASSES, IMAGES, TABLES, Table

Columns = dict[str, NDArray[np.object_]]


def write_part(folder: Path, results: Sequence[ImageResult]) -> None:
    """Write the tables of some images into a folder of their own, flushed. An older folder of that name is replaced.

    Raises:
        OutputError: if it cannot be written.
    """
    columns = {
        IMAGES.name: _columns(IMAGES, map(_image_row, results)),
        CLASSES.name: _columns(CLASSES, itertools.chain.from_iterable(map(_class_rows, results))),
        CELLS.name: _columns(CELLS, itertools.chain.from_iterable(map(_cell_rows, results))),
    }
    with writing(folder) as connection:
        for table in TABLES:
            connection.register("given", columns[table.name])
            typed = ", ".join(f'"{name}"::{kind} AS "{name}"' for name, kind in table.columns)
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {table.name} AS SELECT {typed} FROM given")  # noqa: S608
            connection.unregister("given")
        copy_tables(connection, folder)


def copy_tables(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write the relations `images`, `classes` and `cells` of a connection, each in its order."""
    listed = ", ".join(f'"{name}"' for name, _ in CLASSES.columns if name != "key")
    sources = {
        IMAGES: f"""SELECT images.*, listed.classes FROM images LEFT JOIN (
            SELECT "key", list({{{_fields()}}} ORDER BY class) AS classes FROM (SELECT "key", {listed} FROM classes)
            GROUP BY "key") listed USING ("key")""",  # noqa: S608
        CLASSES: "FROM classes",
        CELLS: "FROM cells",
    }
    for table, source in sources.items():
        copy_sorted(connection, table, source, folder)


def copy_sorted(connection: duckdb.DuckDBPyConnection, table: Table, source: str, folder: Path) -> None:
    """Write what a query finds as one of the tables, in its order."""
    path = str(folder / table.file).replace("'", "''")
    connection.execute(
        f"COPY (SELECT * FROM ({source}) ORDER BY {table.order}) TO '{path}'"  # noqa: S608
        f" (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {table.group})"
    )


@contextmanager
def writing(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Make the folder of a part, in place of an older one of that name, and flush what is written into it.

    Raises:
        OutputError: if it cannot be written.
    """
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    try:
        with engine.writer(folder) as connection:
            yield connection
    except (duckdb.Error, OSError) as error:
        raise OutputError(f"{printable(folder)}: the table of results cannot be written: {_reason(error)}.") from error
    for table in TABLES:
        flush_to_disk(folder / table.file)
    flush_to_disk(folder)


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")


def _fields() -> str:
    return ", ".join(f"'{name}': \"{name}\"" for name, _ in CLASSES.columns if name != "key")


def _columns(table: Table, rows: Iterable[Sequence[object]]) -> Columns:
    """Turn rows into columns, as DuckDB reads them: {name: array of objects}."""
    columns = list(zip(*rows, strict=True)) or [()] * len(table.columns)
    arrays: Columns = {}
    for (name, _), values in zip(table.columns, columns, strict=True):
        arrays[name] = np.empty(len(values), object)
        arrays[name][:] = values
    return arrays


def _image_row(image: ImageResult) -> tuple[object, ...]:
    scores, certainty = image.scores, image.certainty
    text = printable(image.path) if _raw_path(image.path) else image.path
    return (
        key_number(image.path),
        text,
        _raw_path(image.path),
        image.width,
        image.height,
        image.status,
        image.error,
        image.seconds,
        image.frames,
        certainty and certainty.top,
        certainty and certainty.label_quality,
        scores and scores.pixel_accuracy,
        scores and scores.mean_iou,
    )


def _class_rows(image: ImageResult) -> Iterator[tuple[object, ...]]:
    """One row for each class that occurs in the label map or in the ground truth."""
    key, total = key_number(image.path), sum(image.pixels.values())
    counted = _Counted(image.scores)
    for index in sorted({*image.pixels, *counted.true}):
        pixels = image.pixels.get(index, 0)
        yield (
            key,
            index,
            pixels,
            pixels / total if total else 0.0,
            *counted.of(index),
            image.certainty and image.certainty.top_by_class.get(index),
            image.certainty and image.certainty.label_quality_by_class.get(index),
            *_boundary(image.scores, index),
        )


class _Counted:
    """The rows and columns of an image's confusion matrix, summed by class."""

    def __init__(self, scores: ImageScores | None) -> None:
        self.scores = scores
        self.true = Counter[int]()
        self.labelled = Counter[int]()
        self.hits = Counter[int]()
        for cell in scores.cells if scores else ():
            self.true[cell.true] += cell.pixels
            self.labelled[cell.predicted] += cell.pixels
            self.hits[cell.true] += cell.pixels if cell.true == cell.predicted else 0

    def of(self, index: int) -> tuple[object, ...]:
        """Pixels that are truly of a class, those labelled so, both at once, and their IoU; None without truth."""
        if self.scores is None:
            return None, None, None, None
        return self.true[index], self.labelled[index], self.hits[index], self.scores.class_iou.get(index)


def _boundary(scores: ImageScores | None, index: int) -> tuple[int | None, int | None]:
    overlap = scores.boundaries.get(index) if scores and scores.boundaries else None
    return (overlap.intersection, overlap.union) if overlap else (None, None)


def _cell_rows(image: ImageResult) -> Iterator[tuple[object, ...]]:
    key = key_number(image.path)
    for cell in image.scores.cells if image.scores else ():
        yield cell.true, cell.predicted, key, cell.pixels


def key_number(path: str) -> int:
    """The key of an image as the tables hold it."""
    return int(item_key(path), 16)


def _raw_path(path: str) -> bytes | None:
    """The bytes of a path that is no UTF-8; None for others."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return None
