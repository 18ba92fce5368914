"""The items of a shard, as the owner of its job listed them."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deeplab.files import printable
from worker.jobs import storage
from worker.jobs.item_lists import Item, read_chunk
from worker.jobs.settings import Settings
from worker.jobs.shards import Shard


def read_items(settings: Settings, shard: Shard) -> list[Item]:
    """Read the items of a shard, and no others.

    Raises:
        OutputError: if the list is gone or damaged.
    """
    if shard.chunk is None:
        return earlier_items(settings, shard.job_id)[shard.first : shard.last]
    path = storage.items_chunk(settings, shard.job_id, shard.chunk)
    return read_chunk(path, shard.offset, shard.last - shard.first)


def find_changed(folder: Path, items: Iterable[Item]) -> dict[str, str]:
    """Say of each item that is no longer what it was when it was listed why it is refused; of one that is gone, too."""
    return {item.path: sentence for item in items if (sentence := _describe_change(folder / item.path, item))}


def _describe_change(path: Path, item: Item) -> str | None:
    if item.n_bytes is None:  # it could not be looked at
        return None
    try:
        status = path.stat()
    except OSError:  # whoever reads it says why
        return None
    if (status.st_size, status.st_mtime) == (item.n_bytes, item.modified):
        return None
    return f"{printable(path)}: was exchanged since the job listed it, and has another size or time now."


def earlier_items(settings: Settings, job_id: int) -> list[Item]:
    """Read the items of a job that an earlier version listed in one file; none if it did not."""
    paths: list[str] = _read(storage.items_path(settings, job_id), [])
    n_frames: Mapping[str, int] = _read(storage.item_frames_path(settings, job_id), {})
    return [Item(path, frames=n_frames.get(path)) for path in paths]


def earlier_passed_over(settings: Settings, job_id: int) -> dict[str, int]:
    """How many files of the input folder are of kinds that are not read, by kind, as an earlier version counted."""
    counted: dict[str, int] = _read(storage.passed_over_path(settings, job_id), {})
    return counted


def _read(path: Path, otherwise: Any) -> Any:
    return json.loads(path.read_text("utf-8")) if path.exists() else otherwise
