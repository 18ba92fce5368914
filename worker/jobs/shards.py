"""Shards: slices of a segment job's items, each with a lease and a fence of its own, so that workers can share a job.

A shard is queued, running or succeeded. An item is an image or a video; one that cannot be read is a row of the
manifest, never a failed shard.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from worker.jobs import workers
from worker.jobs.catalog import QUEUED, RUNNING, SUCCEEDED
from worker.jobs.database import db_now
from worker.jobs.tables import JobRow, ShardRow


class ShardLostError(DeepLabError):
    """The claimant no longer owns the shard; nothing that it writes is accepted."""

    def __init__(self, shard: "Shard") -> None:
        super().__init__(f"Shard {shard.number} of job {shard.job_id} is no longer owned by claim {shard.fence}.")


@dataclass(frozen=True)
class Shard:
    """The items [first, last) of a segment job."""

    job_id: int
    number: int
    first: int
    last: int
    fence: int


@dataclass(frozen=True)
class ShardCounts:
    """The progress of a segment job."""

    n_shards: int
    n_open: int  # queued or running
    n_ok: int  # images of finished shards that were segmented ...
    n_error: int  # ... and that could not be


def plan(session: Session, job_id: int, n_items: int, size: int, work: Sequence[int] | None = None) -> None:
    """Split a job into shards, unless an earlier attempt did.

    Args:
        session: writes.
        job_id: of the job.
        n_items: of the job.
        size: how much work a shard is at most, unless a single item is more.
        work: how much work each item is; None: 1.
    """
    if session.scalar(select(func.count()).where(ShardRow.job_id == job_id)):
        return
    for number, (first, last) in enumerate(_cut(work or [1] * n_items, size)):
        session.add(ShardRow(job_id=job_id, number=number, first=first, last=last, state=QUEUED))
    session.flush()


def claim(session: Session, job_id: int, owner: str, lease_seconds: float) -> Shard | None:
    """Take a queued shard, or a running one whose lease has run out; None if there is none now."""
    candidates = select(ShardRow.number).where(ShardRow.job_id == job_id, _free()).order_by(ShardRow.number)
    for number in session.scalars(candidates).all():
        row = session.execute(
            update(ShardRow)
            .where(ShardRow.job_id == job_id, ShardRow.number == number, _free())
            .values(state=RUNNING, fence=ShardRow.fence + 1, owner=owner, lease_until=db_now() + lease_seconds)
            .returning(ShardRow.first, ShardRow.last, ShardRow.fence)
        ).one_or_none()
        if row is not None:  # else another worker was faster: try the next one
            return Shard(job_id, number, *row)
    return None


def has_free(session: Session, job_id: int) -> bool:
    """Whether a claim would find a shard."""
    query = select(ShardRow.number).where(ShardRow.job_id == job_id, _free()).limit(1)
    return session.scalar(query) is not None


def renew(session: Session, job_id: int, owner: str, lease_seconds: float) -> None:
    """Renew the leases of all shards of a job that an owner still holds."""
    session.execute(update(ShardRow).where(*_held_by(job_id, owner)).values(lease_until=db_now() + lease_seconds))


def release(session: Session, job_id: int, owner: str) -> None:
    """Queue the shards of a job again that an owner holds, so that others need not wait for their leases."""
    session.execute(update(ShardRow).where(*_held_by(job_id, owner)).values(state=QUEUED, owner=None, lease_until=None))


def release_of_workers(session: Session, worker_ids: Collection[int]) -> None:
    """Queue the shards of running jobs again that these workers hold, as they are dead."""
    running = select(JobRow.id).where(JobRow.state == RUNNING, JobRow.kind == "segment")
    held = select(ShardRow.job_id, ShardRow.owner).where(ShardRow.job_id.in_(running), ShardRow.state == RUNNING)
    for job_id, owner in session.execute(held.distinct()).all():
        parsed = workers.parse_owner(owner)
        if owner is not None and parsed is not None and parsed[0] in worker_ids:
            release(session, job_id, owner)


def others_at_work(session: Session, job_id: int, owner: str) -> bool:
    """Whether an owner other than this one holds the lease of a shard."""
    query = select(ShardRow.number).where(
        ShardRow.job_id == job_id, ShardRow.state == RUNNING, ShardRow.owner != owner, ShardRow.lease_until >= db_now()
    )
    return session.scalar(query.limit(1)) is not None


def finish(session: Session, shard: Shard, manifest: Path, n_ok: int, n_error: int) -> None:
    """Commit a shard's output: its manifest, complete and flushed.

    Raises:
        ShardLostError: if another owner has claimed it.
    """
    _update_owned(session, shard, state=SUCCEEDED, lease_until=None, manifest=str(manifest), n_ok=n_ok, n_error=n_error)


def counts(session: Session, job_id: int) -> ShardCounts:
    """Count the shards and the images that are done."""
    row = session.execute(
        select(
            func.count(),
            func.count().filter(ShardRow.state != SUCCEEDED),
            func.coalesce(func.sum(ShardRow.n_ok), 0),
            func.coalesce(func.sum(ShardRow.n_error), 0),
        ).where(ShardRow.job_id == job_id)
    ).one()
    return ShardCounts(*row)


def finished(session: Session, job_id: int) -> Sequence[tuple[int, int]]:
    """List the items [first, last) of each finished shard."""
    query = select(ShardRow.first, ShardRow.last).where(ShardRow.job_id == job_id, ShardRow.state == SUCCEEDED)
    return [(first, last) for first, last in session.execute(query)]


def manifests(session: Session, job_id: int) -> Sequence[Path]:
    """List the manifests of the finished shards, in the order of the items."""
    query = select(ShardRow.manifest).where(ShardRow.job_id == job_id, ShardRow.manifest.is_not(None))
    return [Path(path) for path in session.scalars(query.order_by(ShardRow.number)) if path is not None]


def _cut(work: Sequence[int], size: int) -> Iterator[tuple[int, int]]:
    """Cut items into successive slices of at most `size` work each; an item of more is a slice alone."""
    first, sum_of_slice = 0, 0
    for place, each in enumerate(work):
        if place > first and sum_of_slice + each > size:
            yield first, place
            first, sum_of_slice = place, 0
        sum_of_slice += each
    if work:
        yield first, len(work)


def _free() -> ColumnElement[bool]:
    return or_(ShardRow.state == QUEUED, and_(ShardRow.state == RUNNING, ShardRow.lease_until < db_now()))


def _held_by(job_id: int, owner: str) -> tuple[ColumnElement[bool], ...]:
    return ShardRow.job_id == job_id, ShardRow.state == RUNNING, ShardRow.owner == owner


def _update_owned(session: Session, shard: Shard, **values: object) -> None:
    updated = session.execute(
        update(ShardRow)
        .where(
            ShardRow.job_id == shard.job_id,
            ShardRow.number == shard.number,
            ShardRow.fence == shard.fence,
            ShardRow.state == RUNNING,
        )
        .values(**values)
        .returning(ShardRow.number)
    ).one_or_none()
    if updated is None:
        raise ShardLostError(shard)
