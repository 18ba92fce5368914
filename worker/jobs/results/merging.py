"""Merge the parts of a job's results: in steps while it runs, and into one in the end."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import duckdb

from worker.jobs.results import engine
from worker.jobs.results.parts import Part
from worker.jobs.results.tables import IMAGES, TABLES
from worker.jobs.results.writer import copy_sorted, writing

TOGETHER = 16  # parts of one level that become a part of the next one, so that there are never many


def due(parts: Sequence[Part]) -> list[Part]:
    """The parts to merge now, while others are still to come; none if there are few of each level."""
    by_level = defaultdict[int, list[Part]](list)
    for part in parts:
        by_level[part.level].append(part)
    return next((same[:TOGETHER] for _, same in sorted(by_level.items()) if len(same) >= TOGETHER), [])


def is_whole(part: Part) -> bool:
    """Whether the files of a part are there, with a row for each of its images; of them little is read."""
    try:
        with engine.writer(part.folder) as connection:
            counts = [connection.read_parquet(str(part.folder / table.file)).count("*").fetchall() for table in TABLES]
    except duckdb.Error:
        return False
    return counts[TABLES.index(IMAGES)] == [(part.n_images,)]


def merge(parts: Sequence[Part], folder: Path) -> None:
    """Write the rows of some parts as one, in memory that does not grow with them.

    Raises:
        OutputError: if it cannot be written, or a part cannot be read.
    """
    with writing(folder) as connection:
        for table in TABLES:
            rows = connection.read_parquet([str(part.folder / table.file) for part in parts])
            connection.register("rows", rows)
            copy_sorted(connection, table, "FROM rows", folder)
