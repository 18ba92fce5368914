"""What happened to jobs, for people: one sentence each.

Writers run inside worker.jobs.leases.fenced where an attempt writes, so that none that lost its lease is heard.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from worker.jobs.database import db_now
from worker.jobs.tables import EventRow


@dataclass(frozen=True)
class Event:
    """What happened to a job, for people."""

    at: float
    fence: int
    message: str


def add(session: Session, job_id: int, fence: int, message: str) -> None:
    """Note what happened to a job."""
    session.add(EventRow(job_id=job_id, fence=fence, at=session.scalar(select(db_now())), message=message))


def list_events(session: Session, job_id: int) -> list[Event]:
    """What happened to a job, oldest first."""
    rows = session.scalars(select(EventRow).where(EventRow.job_id == job_id).order_by(EventRow.id))
    return [Event(row.at, row.fence, row.message) for row in rows]
