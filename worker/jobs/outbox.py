"""The outbox: queued jobs that Celery has yet to be told about.

It has no table of its own: a job's row says when it was published last, and how often.
"""

from sqlalchemy import case, or_, select, update
from sqlalchemy.orm import Session

from worker.jobs import jobs
from worker.jobs.catalog import QUEUED
from worker.jobs.database import db_now
from worker.jobs.jobs import Job
from worker.jobs.tables import JobRow

# Seconds until a job that is still queued is published again, by how often it was published already.
_REPUBLISH_AFTER = {0: 0, 1: 10, 2: 20, 3: 40, 4: 80, 5: 160}
_REPUBLISH_AFTER_MORE = 300


def list_due(session: Session) -> list[Job]:
    """List queued jobs that were never published, or so long ago that the message may be lost."""
    wait = case(_REPUBLISH_AFTER, value=JobRow.publications, else_=_REPUBLISH_AFTER_MORE)
    is_due = or_(JobRow.published_at.is_(None), JobRow.published_at < db_now() - wait)
    rows = session.scalars(select(JobRow).where(JobRow.state == QUEUED, is_due))
    return [jobs.from_row(row) for row in rows]


def mark_published(session: Session, job_id: int) -> None:
    """Record that Celery was told about a job."""
    session.execute(
        update(JobRow).where(JobRow.id == job_id).values(published_at=db_now(), publications=JobRow.publications + 1)
    )
