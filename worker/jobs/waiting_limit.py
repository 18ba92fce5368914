"""How many jobs may wait at once: who submits in a loop does not fill the queue of everybody."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from worker.jobs.catalog import QUEUED
from worker.jobs.settings import Settings
from worker.jobs.tables import JobRow


class QueueFullError(DeepLabError):
    """So many jobs wait that no further one is taken."""


def require_room(session: Session, settings: Settings, user_id: int | None) -> None:
    """Refuse a job of somebody whose jobs, or with those of all others, wait in too large a number.

    Requests that come in the same moment may exceed a limit by their own number.

    Args:
        session: reads.
        settings: have the limits.
        user_id: who submits; None: those who have no account, who count as one.

    Raises:
        QueueFullError: with the limit.
    """
    waiting = select(func.count()).select_from(JobRow).where(JobRow.state == QUEUED)
    n_own = session.scalars(waiting.where(JobRow.user_id.is_not_distinct_from(user_id))).one()
    if n_own >= settings.waiting_per_user:
        raise QueueFullError(
            f"{n_own:,} of your jobs wait already, and the limit is {settings.waiting_per_user:,}; cancel some, or wait"
            " until they have run."
        )
    n_all = session.scalars(waiting).one()
    if n_all >= settings.waiting_jobs:
        raise QueueFullError(
            f"{n_all:,} jobs wait already, and the limit of the platform is {settings.waiting_jobs:,}; try again later."
        )
