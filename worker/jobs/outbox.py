"""Which queued jobs Celery has to be told about, and that it was told.

The rows of the jobs themselves are the outbox: a submission commits one, and whoever comes first publishes it.
"""

from sqlalchemy import case, or_, select, update
from sqlalchemy.orm import Session

from worker.jobs import jobs
from worker.jobs.catalog import QUEUED
from worker.jobs.database import db_now
from worker.jobs.jobs import Job
from worker.jobs.tables import JobRow

# Seconds to wait before Celery is told again about a job that is still queued, by how often it was told already.
_REPUBLISH_AFTER = {0: 0, 1: 10, 2: 20, 3: 40, 4: 80, 5: 160}
_REPUBLISH_AFTER_MORE = 300


def list_due(session: Session) -> list[Job]:
    """Queued jobs that Celery was not told about, or was told about so long ago that the message may be lost."""
    wait = case(_REPUBLISH_AFTER, value=JobRow.publications, else_=_REPUBLISH_AFTER_MORE)
    is_due = or_(JobRow.published_at.is_(None), JobRow.published_at < db_now() - wait)
    rows = session.scalars(select(JobRow).where(JobRow.state == QUEUED, is_due))
    return [jobs.from_row(row) for row in rows]


def mark_published(session: Session, job_id: int) -> None:
    """Record that Celery was told about a job."""
    session.execute(
        update(JobRow).where(JobRow.id == job_id).values(published_at=db_now(), publications=JobRow.publications + 1)
    )
