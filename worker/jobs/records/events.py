"""Events: one sentence each about what happened to a job. Attempts write inside worker.jobs.leases.fenced."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from worker.jobs.database import read_clock
from worker.jobs.tables import EventRow
from worker.jobs.timestamp import Timestamp


@dataclass(frozen=True)
class Event:
    """One sentence about what happened to a job."""

    id: int  # grows with every event, of whatever job
    at: Timestamp
    fence: int
    message: str
    user: str | None  # whose doing it was, if it was a person's over HTTP


def add(session: Session, job_id: int, fence: int, message: str, user_id: int | None = None) -> None:
    """Record what happened to a job, and whose doing it was."""
    at = read_clock(session)
    session.add(EventRow(job_id=job_id, fence=fence, at=at, message=message, user_id=user_id))


def list_events(session: Session, job_id: int, *, after: int = 0, limit: int | None = None) -> list[Event]:
    """List a job's events, oldest first: those after the event `after`, at most `limit` of them if given."""
    query = select(EventRow).where(EventRow.job_id == job_id, EventRow.id > after).order_by(EventRow.id)
    return [Event(row.id, row.at, row.fence, row.message, row.user) for row in session.scalars(query.limit(limit))]
