"""The list of a segment job's items, which grows chunk by chunk while the first shards are already segmented.

A chunk is a file with a line for each of its items, in the order of their paths; shards are ranges of lines in it,
which are added to SQL together. The list is complete only when its row says so. Until then an attempt goes on behind
the last line that a row points to; it alone adds to the list, because it adds under its fence.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from deeplab.errors import OutputError
from deeplab.files import make_folder, printable, reason_of, replace_file
from worker.jobs.catalog import QUEUED
from worker.jobs.tables import ItemListRow, ShardRow


@dataclass(frozen=True)
class Item:
    """An image or a video, as it was when it was listed."""

    path: str  # relative to the input folder
    n_bytes: int | None = None  # None: it could not be looked at
    modified: float | None = None  # seconds since 1970
    frames: int | None = None  # about how many frames of a video are to be segmented; None: an image

    @property
    def work(self) -> int:
        """How much work it is."""
        return 1 if self.frames is None else self.frames


@dataclass(frozen=True)
class ItemList:
    """A list of items as far as it goes."""

    complete: bool
    n_items: int
    n_shards: int
    has_videos: bool
    passed_over: Mapping[str, int]  # files of other kinds, by kind


@dataclass(frozen=True)
class Cut:
    """A shard to be: some successive items of a chunk."""

    n_items: int
    work: int
    offset: int  # bytes before them in the chunk


def write_chunk(path: Path, items: Sequence[Item], size: int) -> list[Cut]:
    """Write a chunk, flushed, and cut it into shards of at most `size` work each; an item of more is a shard alone.

    Raises:
        OutputError: if it cannot be written.
    """
    cuts: list[Cut] = []
    make_folder(path.parent)
    with replace_file(path) as file:
        for slice_ in _cut(items, size):
            cuts.append(Cut(len(slice_), sum(item.work for item in slice_), file.tell()))
            file.write("".join(map(_line, slice_)).encode())
    return cuts


def read_chunk(path: Path, offset: int, n_items: int) -> list[Item]:
    """Read some successive items of a chunk, and nothing else of it.

    Raises:
        OutputError: if it is gone or damaged.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            items = [Item(**json.loads(line)) for line in islice(file, n_items)]
        if len(items) == n_items:
            return items
        reason = "it is cut short"
    except (OSError, ValueError, TypeError) as error:
        reason = reason_of(error)
    raise OutputError(f"{printable(path)}: the list of the job's items cannot be read: {reason}.")


def find(session: Session, job_id: int) -> ItemList | None:
    """Find the list of a job; None if it has none yet."""
    row = session.get(ItemListRow, job_id)
    if row is None:
        return None
    return ItemList(row.complete, row.n_items, row.n_shards, row.has_videos, row.passed_over)


def find_last_cut(session: Session, job_id: int) -> tuple[str, Cut] | None:
    """Find the chunk and the range of the last shard of a job; None if it has no shard."""
    last = session.scalar(select(ShardRow).where(ShardRow.job_id == job_id).order_by(ShardRow.number.desc()).limit(1))
    if last is None or last.chunk is None:
        return None
    return last.chunk, Cut(last.last - last.first, last.work, last.offset)


def begin(session: Session, job_id: int) -> None:
    """Begin an empty list."""
    session.add(ItemListRow(job_id=job_id, complete=False, passed_over={}))
    session.flush()


def extend(session: Session, job_id: int, chunk: str, cuts: Iterable[Cut], *, has_videos: bool) -> None:
    """Add the shards of a chunk, complete and flushed; call it under the fence of the job.

    Args:
        session: writes.
        job_id: of the job.
        chunk: its file, relative to the job's folder.
        cuts: its shards.
        has_videos: whether it has videos.
    """
    earlier = session.get_one(ItemListRow, job_id, populate_existing=True)
    rows = list(_rows(earlier, chunk, cuts))
    session.execute(insert(ShardRow), rows)
    session.execute(
        update(ItemListRow)
        .where(ItemListRow.job_id == job_id)
        .values(
            n_items=rows[-1]["last"],
            n_shards=ItemListRow.n_shards + len(rows),
            work=ItemListRow.work + sum(int(row["work"]) for row in rows),
            has_videos=earlier.has_videos or has_videos,
        )
    )


def set_passed_over(session: Session, job_id: int, passed_over: Mapping[str, int], *, complete: bool) -> None:
    """Record what the listing has passed over so far, and whether it is at its end."""
    session.execute(
        update(ItemListRow).where(ItemListRow.job_id == job_id).values(passed_over=dict(passed_over), complete=complete)
    )


def _rows(earlier: ItemListRow, chunk: str, cuts: Iterable[Cut]) -> Iterator[dict[str, int | str]]:
    first = earlier.n_items
    for number, cut in enumerate(cuts, earlier.n_shards):
        place: dict[str, int | str] = {"job_id": earlier.job_id, "number": number, "chunk": chunk, "offset": cut.offset}
        yield place | {"state": QUEUED, "first": first, "last": first + cut.n_items, "work": cut.work}
        first += cut.n_items


def _cut(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    first, work = 0, 0
    for place, item in enumerate(items):
        if place > first and work + item.work > size:
            yield items[first:place]
            first, work = place, 0
        work += item.work
    if items:
        yield items[first:]


def _line(item: Item) -> str:
    known = {name: value for name, value in asdict(item).items() if value is not None}
    return json.dumps(known, separators=(",", ":")) + "\n"
