"""Who may work on a job: claim, heartbeat, finish, release, expire.

A claim bumps the job's fence and holds a lease for a while. Every later write of the claimant is a compare-and-set on
its fence, so one that has lost its lease changes nothing: its job may run elsewhere. All times are the database's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from deeplab.formats import plural
from worker.jobs import shards
from worker.jobs.catalog import CANCELLED, FAILED, QUEUED, RUNNING
from worker.jobs.database import db_now, open_session, read_clock
from worker.jobs.jobs import Job, get
from worker.jobs.records import counters, events
from worker.jobs.settings import Settings
from worker.jobs.tables import AttemptRow, JobRow


class LeaseLostError(DeepLabError):
    """The attempt no longer owns its job; nothing that it writes is accepted."""

    def __init__(self, job_id: int, fence: int) -> None:
        super().__init__(f"Job {job_id} is no longer owned by attempt {fence}.")


def claim(session: Session, job_id: int, owner: str, lease_seconds: float) -> Job | None:
    """Take a queued job; None if it is not queued any more, which makes duplicate deliveries harmless."""
    previous_owner = session.scalar(select(JobRow.owner).where(JobRow.id == job_id))
    fence = session.execute(
        update(JobRow)
        .where(JobRow.id == job_id, JobRow.state == QUEUED, JobRow.attempts < JobRow.max_attempts)
        .values(
            state=RUNNING,
            fence=JobRow.fence + 1,
            attempts=JobRow.attempts + 1,
            owner=owner,
            lease_until=db_now() + lease_seconds,
            started_at=func.coalesce(JobRow.started_at, db_now()),
            eta_seconds=None,
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


def heartbeat(session: Session, job_id: int, fence: int, lease_seconds: float) -> bool:
    """Renew a lease, and return whether the job is to be cancelled.

    Raises:
        LeaseLostError: if the attempt no longer owns the job.
    """
    cancel_requested = session.execute(
        update(JobRow)
        .where(*_owned(job_id, fence))
        .values(lease_until=db_now() + lease_seconds)
        .returning(JobRow.cancel_requested)
    ).scalar_one_or_none()
    if cancel_requested is None:
        raise LeaseLostError(job_id, fence)
    return cancel_requested


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
    _end_attempt(session, job_id, fence, state, error, state=state, result=result)
    events.add(session, job_id, fence, state if error is None else f"{state}: {error}")


def release(session: Session, job_id: int, fence: int, outcome: str, error: str | None = None) -> str:
    """Give a job back after an attempt that did not end it, and return the job's new state.

    It is queued again, fails if its attempts are used up, or is cancelled if that was requested in the meantime.
    A preempted attempt (the worker was told to stop) does not count against max_attempts.

    Raises:
        LeaseLostError: if the attempt no longer owns the job.
    """
    job = get(session, job_id)
    attempts = job.attempts - 1 if outcome == "preempted" else job.attempts
    if job.cancel_requested:
        finish(session, job_id, fence, CANCELLED)
        return CANCELLED
    if attempts >= job.max_attempts:
        sentence = f"Failed after {plural(attempts, 'attempt')}. Last one: {error or outcome}"
        finish(session, job_id, fence, FAILED, error=sentence)
        return FAILED
    _end_attempt(
        session, job_id, fence, outcome, error, state=QUEUED, attempts=attempts, published_at=None, publications=0
    )
    events.add(session, job_id, fence, f"{outcome}, back in the queue" + (f": {error}" if error else ""))
    return QUEUED


def expired(session: Session) -> list[tuple[int, int]]:
    """List (job id, fence) of every running job whose lease has run out."""
    query = select(JobRow.id, JobRow.fence).where(JobRow.state == RUNNING, JobRow.lease_until < db_now())
    return [(job_id, fence) for job_id, fence in session.execute(query)]


def expire(session: Session, job_id: int, fence: int) -> str | None:
    """Take a job from an attempt whose lease has run out; the job's new state, None if it was renewed just now."""
    still_expired = session.execute(
        update(JobRow)
        .where(*_owned(job_id, fence), JobRow.lease_until < db_now())
        .values(lease_until=None)
        .returning(JobRow.id)
    ).one_or_none()
    if still_expired is None:
        return None
    return release(session, job_id, fence, "lost", "the worker stopped responding.")


def _owned(job_id: int, fence: int) -> tuple[ColumnElement[bool], ...]:
    return JobRow.id == job_id, JobRow.fence == fence, JobRow.state == RUNNING


def _end_attempt(
    session: Session, job_id: int, fence: int, outcome: str, error: str | None, *, state: str, **values: Any
) -> None:
    """Move a job out of `running` and close its attempt."""
    moved = session.execute(
        update(JobRow)
        .where(*_owned(job_id, fence))
        .values(
            state=state,
            lease_until=None,
            eta_seconds=None,
            finished_at=None if state == QUEUED else db_now(),
            error=None if state == QUEUED else error,
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
