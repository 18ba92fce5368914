"""Events: one sentence each about what happened to a job. Attempts write inside worker.jobs.leases.fenced."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from worker.jobs.database import db_now
from worker.jobs.tables import EventRow


@dataclass(frozen=True)
class Event:
    """One sentence about what happened to a job."""

    at: float
    fence: int
    message: str


def add(session: Session, job_id: int, fence: int, message: str) -> None:
    """Record what happened to a job."""
    session.add(EventRow(job_id=job_id, fence=fence, at=session.scalar(select(db_now())), message=message))


def list_events(session: Session, job_id: int) -> list[Event]:
    """List a job's events, oldest first."""
    rows = session.scalars(select(EventRow).where(EventRow.job_id == job_id).order_by(EventRow.id))
    return [Event(row.at, row.fence, row.message) for row in rows]
