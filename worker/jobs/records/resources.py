"""What a job uses of its machine over time, stored as metrics: seconds since its start take the place of the iteration.

However long a job runs, there are at most MOST values of each: the time between two values doubles whenever it has to.
"""

from collections.abc import Mapping

from sqlalchemy import delete
from sqlalchemy.orm import Session

from worker.jobs.records import metrics
from worker.jobs.records.metrics import RESOURCE_PREFIX
from worker.jobs.tables import MetricRow

MOST = 720  # an hour at the shortest pause
SHORTEST_PAUSE = 5  # seconds


def pause_at(seconds: float) -> int:
    """How many seconds pass between two values of a job that has run for so many seconds."""
    pause = SHORTEST_PAUSE
    while seconds > pause * MOST:
        pause *= 2
    return pause


def add(session: Session, job_id: int, seconds: float, values: Mapping[str, float]) -> None:
    """Record what is used now, so many seconds after the start of the job; by names such as "cpu"."""
    pause = pause_at(seconds)
    at = int(seconds // pause) * pause
    metrics.add(session, job_id, at, {f"{RESOURCE_PREFIX}{name}": value for name, value in values.items()})


def thin(session: Session, job_id: int, pause: int) -> None:
    """Drop the values between those that are so many seconds apart."""
    between = MetricRow.iteration % pause != 0
    session.execute(
        delete(MetricRow).where(MetricRow.job_id == job_id, MetricRow.name.startswith(RESOURCE_PREFIX), between)
    )
