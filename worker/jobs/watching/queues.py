"""The queues: whether they are paused, and how many jobs wait and run in them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from worker.jobs import holds
from worker.jobs.catalog import QUEUED, QUEUES, RUNNING
from worker.jobs.tables import JobRow
from worker.jobs.timestamp import Timestamp


@dataclass(frozen=True)
class Queue:
    """One of worker.jobs.catalog.QUEUES."""

    name: str
    paused: bool
    paused_since: Timestamp | None
    paused_by: str | None  # None: nobody, or somebody on the command line
    n_queued: int
    n_running: int


def list_queues(session: Session) -> Sequence[Queue]:
    """List all queues."""
    query = select(JobRow.queue, JobRow.state, func.count()).where(JobRow.state.in_((QUEUED, RUNNING)))
    counts = {(queue, state): n for queue, state, n in session.execute(query.group_by(JobRow.queue, JobRow.state))}
    pauses = holds.list_pauses(session)
    return [
        Queue(
            name=name,
            paused=name in pauses,
            paused_since=pauses[name].since if name in pauses else None,
            paused_by=pauses[name].user if name in pauses else None,
            n_queued=counts.get((name, QUEUED), 0),
            n_running=counts.get((name, RUNNING), 0),
        )
        for name in QUEUES
    ]
