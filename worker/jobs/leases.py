"""Who may work on a job: claim, heartbeat, finish, release, take away.

A claim bumps the job's fence and holds a lease for a while. Every later write of the claimant is a compare-and-set on
its fence, so one that has lost its lease changes nothing: its job may run elsewhere. All times are the database's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from deeplab.formats import duration
from worker.jobs import outcomes, shards, workers
from worker.jobs.catalog import CANCELLED, FAILED, QUEUED, RUNNING
from worker.jobs.database import db_now, open_session, read_clock
from worker.jobs.jobs import Job, get
from worker.jobs.outcomes import LOST
from worker.jobs.records import counters, events
from worker.jobs.scheduling import chains
from worker.jobs.scheduling.next_job import queues_at_work
from worker.jobs.settings import Settings
from worker.jobs.tables import AttemptRow, CheckpointRow, JobRow


class Wish(Enum):
    """What people want of a running job."""

    CANCEL = "cancel"
    PAUSE = "pause"


class LeaseLostError(DeepLabError):
    """The attempt no longer owns its job; nothing that it writes is accepted."""

    def __init__(self, job_id: int, fence: int) -> None:
        super().__init__(f"Job {job_id} is no longer owned by attempt {fence}.")


def claim(session: Session, job_id: int, owner: str, lease_seconds: float) -> Job | None:
    """Take a queued job.

    Returns:
        None if it is not queued any more, which makes duplicate deliveries harmless, or must not start yet.
    """
    previous_owner = session.scalar(select(JobRow.owner).where(JobRow.id == job_id))
    fence = session.execute(
        update(JobRow)
        .where(JobRow.id == job_id, JobRow.attempts < JobRow.max_attempts, *_may_start())
        .values(
            state=RUNNING,
            fence=JobRow.fence + 1,
            attempts=JobRow.attempts + 1,
            owner=owner,
            lease_until=db_now() + lease_seconds,
            started_at=func.coalesce(JobRow.started_at, db_now()),
            eta_seconds=None,
            not_before=None,
        )
        .returning(JobRow.fence)
    ).scalar_one_or_none()
    if fence is None:
        return None
    session.add(AttemptRow(job_id=job_id, fence=fence, owner=owner, started_at=read_clock(session)))
    if previous_owner is not None:
        shards.release(session, job_id, previous_owner)
    events.add(session, job_id, fence, f"claimed by {owner}")
    session.expire_all()
    return get(session, job_id)


def _may_start() -> tuple[ColumnElement[bool], ...]:
    is_due = or_(JobRow.not_before.is_(None), JobRow.not_before <= db_now())
    return JobRow.state == QUEUED, ~JobRow.awaits_others, JobRow.held_at.is_(None), is_due, queues_at_work()


def heartbeat(
    session: Session, job_id: int, fence: int, lease_seconds: float, quiet_seconds: float | None = None
) -> Wish | None:
    """Renew a lease, and return what people want of the job by now.

    Args:
        session: the caller commits.
        job_id: of the job.
        fence: of the attempt.
        lease_seconds: how long it lasts from now on.
        quiet_seconds: for how long the attempt has reported no progress; None: not worth mentioning.

    Raises:
        LeaseLostError: if the attempt no longer owns the job.
    """
    asked = session.execute(
        update(JobRow)
        .where(*_owned(job_id, fence))
        .values(
            lease_until=db_now() + lease_seconds,
            quiet_since=None if quiet_seconds is None else db_now() - quiet_seconds,
        )
        .returning(JobRow.cancel_requested, JobRow.held_at)
    ).one_or_none()
    if asked is None:
        raise LeaseLostError(job_id, fence)
    if asked.cancel_requested:
        return Wish.CANCEL
    return None if asked.held_at is None else Wish.PAUSE


@contextmanager
def fenced(settings: Settings, job_id: int, fence: int) -> Iterator[Session]:
    """Open a session for writes of one attempt; they are committed only if it still owns the job.

    Raises:
        LeaseLostError: if the attempt no longer owns the job.
    """
    with open_session(settings) as session:
        # The update locks the job's row, so no claim can come between this check and the commit.
        owned = session.execute(
            update(JobRow).where(*_owned(job_id, fence)).values(fence=fence).returning(JobRow.id)
        ).one_or_none()
        if owned is None:
            counters.add(session, counters.STALE_WRITES)
            session.commit()
            raise LeaseLostError(job_id, fence)
        yield session


def set_progress(session: Session, job_id: int, done: int, total: int, unit: str, eta_seconds: float | None) -> None:
    """Record the progress of an attempt; call it inside `fenced`."""
    session.execute(
        update(JobRow).where(JobRow.id == job_id).values(done=done, total=total, unit=unit, eta_seconds=eta_seconds)
    )


def finish(
    session: Session,
    job_id: int,
    fence: int,
    state: str,
    *,
    result: dict[str, Any] | None = None,
    error: str | None = None,
) -> None:
    """End a job in a terminal state.

    Raises:
        LeaseLostError: if the attempt no longer owns the job.
    """
    _end_attempt(session, job_id, fence, state, error, error, state=state, result=result)
    events.add(session, job_id, fence, state if error is None else f"{state}: {error}")


def release(
    session: Session, settings: Settings, job_id: int, fence: int, outcome: str, error: str | None = None
) -> str:
    """Give a job back after an attempt that did not end it, and return the job's new state.

    It is queued again, after a pause that `worker.jobs.outcomes` says; fails if there were too many such attempts in
    a row that got no further; or is cancelled if that was requested in the meantime.

    Raises:
        LeaseLostError: if the attempt no longer owns the job.
    """
    job = get(session, job_id)
    if job.cancel_requested:
        finish(session, job_id, fence, CANCELLED)
        return CANCELLED
    reached = _how_far(session, job)
    counts: dict[str, Any] = outcomes.count_ending(job, outcome, got_further=reached > job.reached)
    count = outcomes.ENDINGS[outcome].count
    n_in_a_row = 0 if count is None else counts[count.column]
    if count is not None and n_in_a_row >= outcomes.bound_of(job, count, settings):
        sentence = outcomes.describe_end(outcome, n_in_a_row, error)
        _end_attempt(session, job_id, fence, outcome, error, sentence, state=FAILED, **counts)
        events.add(session, job_id, fence, f"{FAILED}: {sentence}")
        return FAILED
    pause = outcomes.pause_seconds(outcome, n_in_a_row, settings)
    _end_attempt(
        session,
        job_id,
        fence,
        outcome,
        error,
        state=QUEUED,
        reached=max(reached, job.reached),
        not_before=db_now() + pause if pause else None,
        published_at=None,
        publications=0,
        **counts,
    )
    waits = f" for {duration(pause)}" if pause else ""
    events.add(session, job_id, fence, f"{outcome}, back in the queue{waits}" + (f": {error}" if error else ""))
    return QUEUED


def expired(session: Session) -> list[tuple[int, int]]:
    """List (job id, fence) of every running job whose lease has run out."""
    query = select(JobRow.id, JobRow.fence).where(JobRow.state == RUNNING, JobRow.lease_until < db_now())
    return [(job_id, fence) for job_id, fence in session.execute(query)]


def expire(session: Session, settings: Settings, job_id: int, fence: int) -> str | None:
    """Take a job from an attempt whose lease has run out; the job's new state, None if it was renewed just now."""
    sentence = "the worker stopped responding."
    return _take_away(session, settings, job_id, fence, sentence, JobRow.lease_until < db_now())


def orphaned(session: Session) -> list[tuple[int, int]]:
    """List (job id, fence) of every running job whose owner this machine knows to be dead."""
    running = select(JobRow.id, JobRow.fence, JobRow.owner).where(JobRow.state == RUNNING)
    held = session.execute(running).all()
    dead = workers.find_dead_owners(session, [owner for *_, owner in held])
    return [(job_id, fence) for job_id, fence, owner in held if owner in dead]


def take_from_dead(session: Session, settings: Settings, job_id: int, fence: int) -> str | None:
    """Take a job from an attempt whose owner is dead; the job's new state, None if it has been taken already."""
    return _take_away(session, settings, job_id, fence, "the worker's process died.")


def _take_away(
    session: Session, settings: Settings, job_id: int, fence: int, sentence: str, *conditions: ColumnElement[bool]
) -> str | None:
    taken = session.execute(
        update(JobRow).where(*_owned(job_id, fence), *conditions).values(lease_until=None).returning(JobRow.id)
    ).one_or_none()
    if taken is None:
        return None
    session.expire_all()
    return release(session, settings, job_id, fence, LOST, sentence)


def _how_far(session: Session, job: Job) -> int:
    """How far the attempts at a job got: the last checkpoint of a training, the finished shards of a segment job."""
    if job.kind == "segment":
        counts = shards.counts(session, job.id)
        return counts.n_shards - counts.n_open
    last = session.scalar(select(func.max(CheckpointRow.iteration)).where(CheckpointRow.job_id == job.id))
    return last or 0


def _owned(job_id: int, fence: int) -> tuple[ColumnElement[bool], ...]:
    return JobRow.id == job_id, JobRow.fence == fence, JobRow.state == RUNNING


def _end_attempt(
    session: Session,
    job_id: int,
    fence: int,
    outcome: str,
    error: str | None,
    reason: str | None = None,
    *,
    state: str,
    **values: Any,
) -> None:
    """Move a job out of `running`, for a reason if it failed, and close its attempt."""
    if state != QUEUED:
        values["held_at"] = None
    moved = session.execute(
        update(JobRow)
        .where(*_owned(job_id, fence))
        .values(
            state=state,
            lease_until=None,
            eta_seconds=None,
            quiet_since=None,
            finished_at=None if state == QUEUED else db_now(),
            error=reason,
            **values,
        )
        .returning(JobRow.id)
    ).one_or_none()
    if moved is None:
        raise LeaseLostError(job_id, fence)
    session.execute(
        update(AttemptRow)
        .where(AttemptRow.job_id == job_id, AttemptRow.fence == fence)
        .values(outcome=outcome, error=error, finished_at=db_now())
    )
    session.expire_all()
    if state != QUEUED:
        chains.settle(session, job_id)
    # Last, because all who end attempts write to this row, and nobody may wait for anything while he holds it.
    counters.add(session, counters.attempts_that(outcome))
