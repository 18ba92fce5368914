"""Shards: slices of a segment job's items, each with a lease and a fence of its own, so that workers can share a job.

A shard is queued, running or succeeded. An item is an image or a video; one that cannot be read is a row of the
manifest, never a failed shard.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, literal_column, select, update
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from worker.jobs import workers
from worker.jobs.catalog import QUEUED, RUNNING, SUCCEEDED
from worker.jobs.database import db_now
from worker.jobs.tables import ItemListRow, JobRow, ShardRow

# As literals, because a database uses a partial index only where it sees the condition of the index in the question.
_IS_QUEUED = ShardRow.state == literal_column(f"'{QUEUED}'")
_IS_RUNNING = ShardRow.state == literal_column(f"'{RUNNING}'")


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
    chunk: str | None  # the file that lists them, relative to the job's folder; None: that of an earlier version
    offset: int  # bytes before them in it


@dataclass(frozen=True)
class ShardCounts:
    """The progress of a segment job, of which its `worker.jobs.item_lists` keeps the sums."""

    n_shards: int
    n_open: int  # queued or running
    n_ok: int  # images of finished shards that were segmented ...
    n_error: int  # ... and that could not be
    complete: bool  # whether all items are listed
    work: int  # of the shards, in images or frames
    work_done: int  # of the finished ones
    has_videos: bool

    @property
    def all_done(self) -> bool:
        """Whether no item is left."""
        return self.complete and not self.n_open

    @property
    def unit(self) -> str:
        """What the work is counted in."""
        return "frame" if self.has_videos else "image"


def claim(session: Session, job_id: int, owner: str, lease_seconds: float) -> Shard | None:
    """Take a shard whose lease has run out, or the first queued one; None if there is none now.

    One statement that looks at no other shard. On PostgreSQL, claimants pass over what another one is taking just now.
    """
    free = func.coalesce(_to_take(_expired(job_id)), _to_take(_first_queued(job_id)))
    row = session.execute(
        update(ShardRow)
        .where(ShardRow.job_id == job_id, ShardRow.number == free)
        .values(state=RUNNING, fence=ShardRow.fence + 1, owner=owner, lease_until=db_now() + lease_seconds)
        .returning(ShardRow.number, ShardRow.first, ShardRow.last, ShardRow.fence, ShardRow.chunk, ShardRow.offset)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return None if row is None else Shard(job_id, *row)


def has_free(session: Session, job_id: int) -> bool:
    """Whether a claim would find a shard."""
    return any(session.scalar(query) is not None for query in (_expired(job_id), _first_queued(job_id)))


def renew(session: Session, job_id: int, owner: str, lease_seconds: float) -> None:
    """Renew the leases of all shards of a job that an owner still holds."""
    session.execute(update(ShardRow).where(*_held_by(job_id, owner)).values(lease_until=db_now() + lease_seconds))


def release(session: Session, job_id: int, owner: str) -> None:
    """Queue the shards of a job again that an owner holds, so that others need not wait for their leases."""
    session.execute(update(ShardRow).where(*_held_by(job_id, owner)).values(state=QUEUED, owner=None, lease_until=None))


def orphaned(session: Session) -> list[tuple[int, str]]:
    """List (job id, owner) of the shards of running jobs whose owners this machine knows to be dead."""
    running = select(JobRow.id).where(JobRow.state == RUNNING, JobRow.kind == "segment")
    query = select(ShardRow.job_id, ShardRow.owner).where(ShardRow.job_id.in_(running), _IS_RUNNING).distinct()
    held = session.execute(query).all()
    dead = workers.find_dead_owners(session, [owner for _, owner in held])
    return [(job_id, owner) for job_id, owner in held if owner in dead]


def others_at_work(session: Session, job_id: int, owner: str) -> bool:
    """Whether an owner other than this one holds the lease of a shard."""
    query = select(ShardRow.number).where(
        ShardRow.job_id == job_id, _IS_RUNNING, ShardRow.owner != owner, ShardRow.lease_until >= db_now()
    )
    return session.scalar(query.limit(1)) is not None


def finish(session: Session, shard: Shard, manifest: Path, n_ok: int, n_error: int) -> None:
    """Commit a shard's output: its manifest, complete and flushed.

    Raises:
        ShardLostError: if another owner has claimed it.
    """
    work = session.execute(
        update(ShardRow)
        .where(
            ShardRow.job_id == shard.job_id,
            ShardRow.number == shard.number,
            ShardRow.fence == shard.fence,
            ShardRow.state == RUNNING,
        )
        .values(state=SUCCEEDED, lease_until=None, manifest=str(manifest), n_ok=n_ok, n_error=n_error)
        .returning(ShardRow.work)
    ).scalar_one_or_none()
    if work is None:
        raise ShardLostError(shard)
    _add_to_sums(session, shard.job_id, 1, work, n_ok, n_error)


def reopen(session: Session, job_id: int, number: int) -> None:
    """Queue a finished shard again whose output is lost; call it under the fence of the job."""
    shard = session.get_one(ShardRow, (job_id, number), populate_existing=True)
    if shard.state == SUCCEEDED:
        _add_to_sums(session, job_id, -1, -shard.work, -shard.n_ok, -shard.n_error)
        shard.state, shard.manifest, shard.n_ok, shard.n_error = QUEUED, None, 0, 0
        session.flush()


def counts(session: Session, job_id: int) -> ShardCounts:
    """Read how many shards and images are done: one row, whatever the size of the job."""
    sums = session.get(ItemListRow, job_id, populate_existing=True)
    if sums is None:
        return ShardCounts(0, 0, 0, 0, complete=False, work=0, work_done=0, has_videos=False)
    return ShardCounts(
        n_shards=sums.n_shards,
        n_open=sums.n_shards - sums.n_finished,
        n_ok=sums.n_ok,
        n_error=sums.n_error,
        complete=sums.complete,
        work=sums.work,
        work_done=sums.work_done,
        has_videos=sums.has_videos,
    )


def manifests(session: Session, job_id: int) -> Sequence[Path]:
    """List the manifests of the finished shards, in the order of the items."""
    query = select(ShardRow.manifest).where(ShardRow.job_id == job_id, ShardRow.manifest.is_not(None))
    return [Path(path) for path in session.scalars(query.order_by(ShardRow.number)) if path is not None]


def _expired(job_id: int) -> Select[int]:
    expired = select(ShardRow.number).where(ShardRow.job_id == job_id, _IS_RUNNING, ShardRow.lease_until < db_now())
    return expired.order_by(ShardRow.lease_until).limit(1)


def _first_queued(job_id: int) -> Select[int]:
    return select(ShardRow.number).where(ShardRow.job_id == job_id, _IS_QUEUED).order_by(ShardRow.number).limit(1)


def _to_take(query: Select[int]) -> ScalarSelect[int]:
    return query.with_for_update(skip_locked=True).scalar_subquery()


def _held_by(job_id: int, owner: str) -> tuple[ColumnElement[bool], ...]:
    return ShardRow.job_id == job_id, _IS_RUNNING, ShardRow.owner == owner


def _add_to_sums(session: Session, job_id: int, n_finished: int, work: int, n_ok: int, n_error: int) -> None:
    session.execute(
        update(ItemListRow)
        .where(ItemListRow.job_id == job_id)
        .values(
            n_finished=ItemListRow.n_finished + n_finished,
            work_done=ItemListRow.work_done + work,
            n_ok=ItemListRow.n_ok + n_ok,
            n_error=ItemListRow.n_error + n_error,
        )
        .execution_options(synchronize_session=False)
    )
