"""What a segment job has produced so far: the rows of its manifest, and the colours and names of the classes."""

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from sqlalchemy.orm import Session

from deeplab.datasets.class_names import default_class_names, load_class_names
from deeplab.images.bands import Reading
from deeplab.images.palette import palette
from deeplab.inference.manifest import Row, read_manifest
from deeplab.inference.output import manifest_path
from worker.jobs import shards, storage
from worker.jobs.catalog import SUCCEEDED
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings


@dataclass(frozen=True)
class ClassShare:
    """A class and how much of the pixels it covers."""

    index: int
    name: str
    colour: str  # as the masks' palette has it: "#800000"
    fraction: float


@dataclass(frozen=True)
class Results:
    """The finished images and videos, by path."""

    rows: Sequence[Row]

    @cached_property
    def errors(self) -> Sequence[Row]:
        """The images and videos that could not be segmented."""
        return [row for row in self.rows if row.status == "error"]

    @cached_property
    def n_videos(self) -> int:
        """How many of the rows are of videos."""
        return sum(row.frames is not None for row in self.rows)

    @cached_property
    def by_key(self) -> Mapping[str, Row]:
        """The rows by their keys."""
        return {item_key(row.path): row for row in self.rows}

    @cached_property
    def pixels(self) -> Mapping[int, int]:
        """Pixels of each class over all images."""
        total: Counter[int] = Counter()
        for row in self.rows:
            total.update(row.pixels)
        return total


def item_key(path: str) -> str:
    """The key that stands for an image in addresses, whatever bytes its path has: 16 hexadecimal digits."""
    return hashlib.blake2s(os.fsencode(path), digest_size=8).hexdigest()


def output_dir(settings: Settings, job: Job) -> Path:
    """Where a segment job writes."""
    return storage.output_dir(settings, job.id, job.spec["output"])


def reading_of(job: Job) -> Reading:
    """How a segment job reads image files."""
    image = job.config["IMAGE"]
    bands, value_range = image.get("BANDS"), image.get("RANGE")  # jobs of earlier versions lack them
    return Reading(None if bands is None else tuple(bands), None if value_range is None else tuple(value_range))


def load_results(session: Session, settings: Settings, job: Job) -> Results:
    """Read what a segment job has produced: everything if it has succeeded, else the rows of its finished shards.

    Raises:
        OutputError: if a manifest cannot be read.
    """
    merged = manifest_path(output_dir(settings, job))
    paths = [merged] if job.state == SUCCEEDED else shards.manifests(session, job.id)
    return _read(tuple((path, path.stat().st_mtime_ns) for path in paths if path.is_file()))


def find_manifest(session: Session, settings: Settings, job: Job) -> Path | None:
    """The manifest of a segment job that is through with all images, even if every one of them failed; else None."""
    counts = shards.counts(session, job.id)
    path = manifest_path(output_dir(settings, job))
    return path if job.is_terminal and counts.n_shards and not counts.n_open and path.is_file() else None


def class_names(settings: Settings, job: Job) -> list[str]:
    """Read the names of a job's classes.

    Raises:
        DatasetError: if the labels file beside the masks is damaged.
    """
    labels = output_dir(settings, job) / "labels.txt"
    return load_class_names(labels) if labels.is_file() else default_class_names(job.config["DATASET"]["N_CLASSES"])


def class_shares(pixels: Mapping[int, int], names: Sequence[str]) -> list[ClassShare]:
    """List the classes that occur, the largest first."""
    total = sum(pixels.values())
    return [
        ClassShare(index, names[index] if index < len(names) else f"class {index}", colour(index), count / total)
        for index, count in sorted(pixels.items(), key=lambda item: -item[1])
        if count
    ]


def colour(index: int) -> str:
    """The colour of a class in masks, as "#rrggbb"."""
    return "#" + bytes(palette()[index]).hex()


@lru_cache(maxsize=4)  # some ten megabytes for a job of a hundred thousand images
def _read(versions: tuple[tuple[Path, int], ...]) -> Results:
    """Read manifests; their modification times are part of the cache's key."""
    rows = [row for path, _ in versions for row in read_manifest(path)]
    return Results(sorted(rows, key=lambda row: row.path))
