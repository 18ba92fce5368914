"""Which parts hold a job's results: pointers in SQL. Written in the transaction that makes their fence sure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, literal, select, union_all
from sqlalchemy.orm import Session

from worker.jobs.catalog import SUCCEEDED
from worker.jobs.tables import ResultPartRow, ShardRow


@dataclass(frozen=True)
class Part:
    """A folder with the result tables of some images of a job."""

    id: int
    folder: Path
    n_images: int
    level: int  # how many times its rows have been merged


def add(session: Session, job_id: int, folder: Path, n_images: int, *, level: int = 0) -> None:
    """Point to a part, complete and flushed."""
    session.add(ResultPartRow(job_id=job_id, folder=str(folder), n_images=n_images, level=level))


def replace(session: Session, job_id: int, parts: Sequence[Part], folder: Path) -> None:
    """Point to a part that holds the rows of others in place of them."""
    session.execute(delete(ResultPartRow).where(ResultPartRow.id.in_([part.id for part in parts])))
    add(session, job_id, folder, sum(part.n_images for part in parts), level=1 + max(part.level for part in parts))


def remove(session: Session, parts: Sequence[Part]) -> None:
    """Point to some parts no more, whose files are lost."""
    session.execute(delete(ResultPartRow).where(ResultPartRow.id.in_([part.id for part in parts])))


def forget(session: Session, job_id: int) -> None:
    """Point to no part any more, as an attempt does that begins anew."""
    session.execute(delete(ResultPartRow).where(ResultPartRow.job_id == job_id))


def list_parts(session: Session, job_id: int) -> list[Part]:
    """List the parts of a job's results."""
    rows = session.scalars(select(ResultPartRow).where(ResultPartRow.job_id == job_id).order_by(ResultPartRow.id))
    return [Part(row.id, Path(row.folder), row.n_images, row.level) for row in rows]


def count_images(session: Session, job_id: int) -> int:
    """Count the images in a job's parts."""
    total = select(func.coalesce(func.sum(ResultPartRow.n_images), 0)).where(ResultPartRow.job_id == job_id)
    return session.execute(total).scalar_one()


@dataclass(frozen=True)
class FinishedShard:
    """What a finished shard of a segment job left."""

    number: int
    manifest: Path
    n_items: int


@dataclass(frozen=True)
class Unrecorded:
    """What is finished of a segment job whose parts do not hold all of it."""

    shards: Sequence[FinishedShard]  # all of them, also those that are in a part
    parts: Sequence[int]  # ids of the parts that hold the rows of some of these shards


def find_unrecorded(session: Session, job_id: int) -> Unrecorded | None:
    """Find out whether finished shards of a job are in no part. None if all are in one."""
    finished = select(
        ShardRow.manifest.label("path"),
        (ShardRow.n_ok + ShardRow.n_error).label("n_images"),
        ShardRow.number.label("shard"),
        literal(0).label("part"),
    ).where(ShardRow.job_id == job_id, ShardRow.state == SUCCEEDED)
    recorded = select(ResultPartRow.folder, ResultPartRow.n_images, literal(0), ResultPartRow.id).where(
        ResultPartRow.job_id == job_id
    )
    rows: Sequence[Any] = session.execute(union_all(finished, recorded)).all()  # at once: shards finish meanwhile
    if sum(row.n_images if row.part else -row.n_images for row in rows) == 0:
        return None
    return Unrecorded(
        [FinishedShard(row.shard, Path(row.path), row.n_images) for row in rows if not row.part],
        [row.part for row in rows if row.part],
    )


def replace_unrecorded(session: Session, job_id: int, unrecorded: Unrecorded, folder: Path, n_images: int) -> None:
    """Point to a part that was made of manifests."""
    session.execute(delete(ResultPartRow).where(ResultPartRow.id.in_(unrecorded.parts)))
    add(session, job_id, folder, n_images)
