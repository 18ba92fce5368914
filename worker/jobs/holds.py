"""What people change about when jobs start: pause and resume a job or a queue, and the priority of a job."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from worker.jobs import jobs
from worker.jobs.catalog import HIGHEST_PRIORITY, QUEUED, QUEUES, RUNNING
from worker.jobs.database import db_now, read_clock
from worker.jobs.jobs import Job, JobStateError
from worker.jobs.records import events
from worker.jobs.tables import JobRow, QueuePauseRow


class QueueNotFoundError(DeepLabError):
    """There is no queue of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no queue {name!r}; expected one of {', '.join(QUEUES)}.")


class PriorityError(DeepLabError):
    """A number that is no priority."""

    def __init__(self) -> None:
        super().__init__(f"A priority is a whole number from {-HIGHEST_PRIORITY} to {HIGHEST_PRIORITY}.")


@dataclass(frozen=True)
class QueuePause:
    """A queue of which no job is started for now."""

    since: float
    user: str | None  # who paused it; None: somebody on the command line


def pause(session: Session, job_id: int, user_id: int | None = None) -> Job:
    """Put a job on hold; a running one goes back to the queue once it has saved a checkpoint.

    Raises:
        JobNotFoundError: if there is no such job.
        JobStateError: if it has ended, is being cancelled, or is on hold already.
    """
    may_be_held = (JobRow.held_at.is_(None), ~JobRow.cancel_requested)
    job = _change(session, job_id, may_be_held, held_at=db_now())
    if job is None:
        raise JobStateError(f"Job {job_id} {_describe(session, job_id)}; it cannot be paused.")
    events.add(session, job_id, job.fence, "on hold" if job.state == QUEUED else "pause requested", user_id)
    return job


def resume(session: Session, job_id: int, user_id: int | None = None) -> Job:
    """Let a job that is on hold start.

    Raises:
        JobNotFoundError: if there is no such job.
        JobStateError: if it is not on hold.
    """
    job = _change(session, job_id, (JobRow.held_at.is_not(None),), held_at=None, published_at=None, publications=0)
    if job is None:
        raise JobStateError(f"Job {job_id} {_describe(session, job_id)}; only a job on hold can be resumed.")
    events.add(session, job_id, job.fence, "resumed", user_id)
    return job


def set_priority(session: Session, job_id: int, priority: int, user_id: int | None = None) -> Job:
    """Give a queued job another priority.

    Raises:
        PriorityError: if it is none.
        JobNotFoundError: if there is no such job.
        JobStateError: if it is not queued.
    """
    if not -HIGHEST_PRIORITY <= priority <= HIGHEST_PRIORITY:
        raise PriorityError
    job = _change(session, job_id, (JobRow.state == QUEUED,), rank=-priority)
    if job is None:
        raise JobStateError(f"Job {job_id} {_describe(session, job_id)}; only queued jobs can get another priority.")
    events.add(session, job_id, job.fence, f"priority {priority}", user_id)
    return job


def pause_queue(session: Session, queue: str, user_id: int | None = None) -> None:
    """Start no more jobs of a queue; what runs goes on. A queue that is paused already stays as it is.

    Raises:
        QueueNotFoundError: if there is none of that name.
    """
    _require_queue(queue)
    if session.get(QueuePauseRow, queue) is None:
        session.add(QueuePauseRow(queue=queue, since=read_clock(session), user_id=user_id))
        session.flush()


def resume_queue(session: Session, queue: str) -> None:
    """Start jobs of a queue again.

    Raises:
        QueueNotFoundError: if there is none of that name.
    """
    _require_queue(queue)
    paused = session.execute(delete(QueuePauseRow).where(QueuePauseRow.queue == queue).returning(QueuePauseRow.queue))
    if paused.one_or_none() is not None:  # messages that came in the meantime were in vain
        waiting = update(JobRow).where(JobRow.state == QUEUED, JobRow.queue == queue)
        session.execute(waiting.values(published_at=None, publications=0))


def list_pauses(session: Session) -> Mapping[str, QueuePause]:
    """List the paused queues."""
    return {row.queue: QueuePause(row.since, row.user) for row in session.scalars(select(QueuePauseRow))}


def _change(session: Session, job_id: int, conditions: tuple[ColumnElement[bool], ...], **values: object) -> Job | None:
    """Change a job that has not ended; None if it has, or if a condition does not hold."""
    changed = session.execute(
        update(JobRow)
        .where(JobRow.id == job_id, JobRow.state.in_((QUEUED, RUNNING)), *conditions)
        .values(**values)
        .returning(JobRow.id)
    ).one_or_none()
    session.expire_all()
    return None if changed is None else jobs.get(session, job_id)


def _describe(session: Session, job_id: int) -> str:
    """What a job is, where it is not what a change needs: "is succeeded", "is on hold"."""
    job = jobs.get(session, job_id)
    if not job.is_terminal and job.cancel_requested:
        return "is being cancelled"
    return "is on hold" if job.held_at is not None else f"is {job.state}"


def _require_queue(queue: str) -> None:
    if queue not in QUEUES:
        raise QueueNotFoundError(queue)
