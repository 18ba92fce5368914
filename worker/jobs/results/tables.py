"""The three result tables of a job, each a Parquet file in the folder of a part.

images   one row per image, sorted by path; `classes` lists what is known of each class in it
classes  one row per image and class, sorted by class and falling share: a class's images are one short read
cells    one row per image and cell of its confusion matrix, sorted by cell and falling pixels

`key` stands for an image in all three; see `worker.jobs.results.record.item_key`.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from deeplab import remote


@dataclass(frozen=True)
class Table:
    """One of the tables."""

    name: str
    columns: tuple[tuple[str, str], ...]  # names and types, as they are written
    order: str
    group: int  # rows of a row group: small ones, so that a page reads little

    @property
    def file(self) -> str:
        """The name of its file in the folder of a part."""
        return f"{self.name}.parquet"

    @property
    def nulls(self) -> str:
        """A row without values, as SQL."""
        return ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in self.columns)

    def rows_in(self, folders: Sequence[Path], *, with_files: bool = False) -> str:
        """The rows of some parts, as SQL; the column `filename` of each says where it lies.

        The files are fetched; of one that is gone DuckDB will tell.
        """
        for folder in folders:
            with suppress(FileNotFoundError):
                remote.fetch(folder / self.file)
        files = ", ".join("'" + str(folder / self.file).replace("'", "''") + "'" for folder in folders)
        named = ", filename = true" if with_files else ""
        return f"FROM read_parquet([{files}]{named})" if files else f"SELECT {self.nulls} WHERE false"


def fetch_tables(folders: Sequence[Path]) -> None:
    """Let the tables of some parts be there to be read. Raises FileNotFoundError if one is gone."""
    for folder, table in product(folders, TABLES):
        remote.fetch(folder / table.file)


CLASSES = Table(
    "classes",
    (
        ("key", "UBIGINT"),
        ("class", "USMALLINT"),
        ("pixels", "BIGINT"),  # of the label map
        ("share", "FLOAT"),  # of the image's pixels
        ("true_pixels", "BIGINT"),  # that the ground truth gives to the class; null where nothing was evaluated
        ("labelled_pixels", "BIGINT"),  # that the label map gives to it, of those that have a true class
        ("hits", "BIGINT"),  # pixels of both
        ("iou", "FLOAT"),
        ("confidence", "FLOAT"),  # mean probability over the pixels of the label map that have the class
        ("label_quality", "FLOAT"),  # softmin of the class's probability over its true pixels
        ("boundary_hits", "BIGINT"),  # intersection and union of boundary IoU
        ("boundary_union", "BIGINT"),
    ),
    'class, share DESC, "key"',
    8192,
)
CELLS = Table(
    "cells",
    (("true_class", "USMALLINT"), ("predicted_class", "USMALLINT"), ("key", "UBIGINT"), ("pixels", "BIGINT")),
    'true_class, predicted_class, pixels DESC, "key"',
    8192,
)
IMAGES = Table(
    "images",
    (
        ("key", "UBIGINT"),
        ("path", "VARCHAR"),
        ("raw_path", "BLOB"),  # of a path that is no UTF-8; else null
        ("width", "INTEGER"),
        ("height", "INTEGER"),
        ("status", "VARCHAR"),  # ok or error
        ("error", "VARCHAR"),
        ("seconds", "FLOAT"),
        ("frames", "INTEGER"),  # of a video; null: an image
        ("confidence", "FLOAT"),
        ("label_quality", "FLOAT"),
        ("pixel_accuracy", "FLOAT"),
        ("mean_iou", "FLOAT"),
    ),
    'path, "key"',
    4096,
)
TABLES = (IMAGES, CLASSES, CELLS)
