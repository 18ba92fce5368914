"""The outbox: jobs that may start and that Celery has yet to be told about.

It has no table of its own: a job's row says when it was published last, and how often.
"""

from sqlalchemy import ColumnElement, case, func, or_, select, text, update
from sqlalchemy.orm import Session

from worker.jobs import jobs
from worker.jobs.database import db_now
from worker.jobs.jobs import Job
from worker.jobs.scheduling.next_job import Channel, queues_at_work
from worker.jobs.tables import READY, JobRow

# Seconds until a job that is still queued is published again, by how often it was published already.
_REPUBLISH_AFTER = {0: 0, 1: 10, 2: 20, 3: 40, 4: 80, 5: 160}
_REPUBLISH_AFTER_MORE = 300


def list_new(session: Session) -> list[Job]:
    """List jobs that may start, of which Celery was not told since they may."""
    return _list(session, JobRow.published_at.is_(None))


def list_overdue(session: Session) -> list[Job]:
    """List jobs that may start and that were published so long ago that the message may be lost."""
    return _list(session, JobRow.published_at.is_not(None), _is_due())


def count_ready(session: Session) -> dict[Channel, int]:
    """Count the jobs of each queue and number of GPUs that only wait for a worker, or for room below a limit."""
    query = select(JobRow.queue, JobRow.gpus, func.count()).where(text(READY), queues_at_work())
    return {(queue, gpus): n for queue, gpus, n in session.execute(query.group_by(JobRow.queue, JobRow.gpus))}


def _list(session: Session, *conditions: ColumnElement[bool]) -> list[Job]:
    query = select(JobRow).where(text(READY), queues_at_work(), *conditions).order_by(JobRow.id)
    return [jobs.from_row(row) for row in session.scalars(query)]


def take(session: Session, job_id: int) -> bool:
    """Make the publication of a job this process's; False if another process has published it just now."""
    taken = session.execute(
        update(JobRow)
        .where(JobRow.id == job_id, text(READY), queues_at_work(), _is_due())
        .values(published_at=db_now(), publications=JobRow.publications + 1)
        .returning(JobRow.id)
    )
    return taken.one_or_none() is not None


def give_back(session: Session, job_id: int) -> None:
    """Record that a job was not published after all."""
    session.execute(
        update(JobRow)
        .where(JobRow.id == job_id, JobRow.publications > 0)
        .values(published_at=None, publications=JobRow.publications - 1)
    )


def _is_due() -> ColumnElement[bool]:
    wait = case(_REPUBLISH_AFTER, value=JobRow.publications, else_=_REPUBLISH_AFTER_MORE)
    return or_(JobRow.published_at.is_(None), JobRow.published_at < db_now() - wait)
