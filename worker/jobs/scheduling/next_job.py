"""The next job to start: the one of highest priority, of equal ones the oldest, among those that may start now.

What a question costs does not depend on how many jobs are queued. Those that wait for others, for a time or for their
user are in no index that it reads; a limit for each user is looked at user by user.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, select, text, union_all, update
from sqlalchemy.orm import Session, aliased

from worker.jobs.catalog import QUEUED, RUNNING
from worker.jobs.database import db_now, take_turns
from worker.jobs.settings import Settings
from worker.jobs.tables import IS_RUNNING, READY, JobRow, QueuePauseRow, UserRow

# Of the queue and the number of GPUs: workers have a message queue for each (worker.jobs.broker.queue.channels).
Channel = tuple[str, int]


def find_next(
    session: Session, settings: Settings, channel: Channel, above: int | None = None, except_for: Sequence[int] = ()
) -> int | None:
    """Find the next job that a worker with so many free GPUs shall start.

    Who claims it in the same transaction is not disturbed by others who do the same: they pass over it, or wait where
    a limit counts what all of them have claimed.

    Args:
        session: in which the job is claimed.
        settings: have the limits.
        channel: what the worker serves.
        above: a priority; only a job of a higher one is wanted.
        except_for: jobs that the worker cannot run.

    Returns:
        Its id; None if no job may start now.
    """
    limits = settings.running_per_queue, settings.running_per_user
    if any(limit is not None for limit in limits):
        take_turns(session, f"queue {channel[0]}")  # so that the limit holds for all who claim together
    query = _next(settings, channel, except_for)
    if above is not None:
        query = query.where(JobRow.rank < -above)
    return session.scalar(query.with_for_update(skip_locked=True))


def is_any_ready(session: Session, settings: Settings, channel: Channel) -> bool:
    """Whether a job may start now."""
    return session.scalar(_next(settings, channel)) is not None


def list_next(session: Session, settings: Settings, channel: Channel, n: int) -> list[int]:
    """List the jobs that may start next, up to so many; a limit may keep some of them back when others have started."""
    if not is_any_ready(session, settings, channel):
        return []
    return list(session.scalars(_ready(channel).limit(n)))


def is_any_due(session: Session) -> bool:
    """Whether the time of a job has come that `wake` has yet to free."""
    return session.scalar(select(JobRow.id).where(*_is_due()).limit(1)) is not None


def wake(session: Session) -> None:
    """Free the jobs whose time has come: they start as soon as they can."""
    session.execute(update(JobRow).where(*_is_due()).values(not_before=None, published_at=None, publications=0))


def queues_at_work() -> ColumnElement[bool]:
    """Whether the queue of a job is not paused."""
    return ~select(QueuePauseRow.queue).where(QueuePauseRow.queue == JobRow.queue).exists()


def count_running(session: Session) -> dict[tuple[str, str | None], int]:
    """Count the running jobs by queue and user; those whom nobody with an account submitted count together."""
    query = select(JobRow.queue, UserRow.name, func.count()).outerjoin(UserRow, UserRow.id == JobRow.user_id)
    counted = session.execute(query.where(JobRow.state == RUNNING).group_by(JobRow.queue, UserRow.name))
    return {(queue, user): n for queue, user, n in counted}


def _is_due() -> tuple[ColumnElement[bool], ...]:
    return JobRow.state == QUEUED, JobRow.not_before.is_not(None), JobRow.not_before <= db_now()


def _next(settings: Settings, channel: Channel, except_for: Sequence[int] = ()) -> Select[int]:
    """The next job; none if its queue is paused or full."""
    queue, _ = channel
    query = _ready(channel).limit(1)
    if except_for:
        query = query.where(JobRow.id.not_in(except_for))
    if settings.running_per_user is not None:
        query = query.where(JobRow.id.in_(_next_of_users(channel, settings.running_per_user, except_for)))
    if settings.running_per_queue is not None:
        query = query.where(_running(queue) < settings.running_per_queue)
    return query.where(~select(QueuePauseRow.queue).where(QueuePauseRow.queue == queue).exists())


def _ready(channel: Channel) -> Select[int]:
    queue, gpus = channel
    query = select(JobRow.id).where(text(READY), JobRow.queue == queue, JobRow.gpus == gpus)
    return query.order_by(JobRow.rank, JobRow.id)


def _next_of_users(channel: Channel, limit: int, except_for: Sequence[int]) -> Select[int]:
    """The next job of each user who has fewer running than the limit."""
    queue, gpus = channel
    mine = aliased(JobRow)

    def next_of(whose: ColumnElement[bool]) -> ScalarSelect[int]:
        query = select(mine.id).where(text(READY), mine.queue == queue, mine.gpus == gpus, whose)
        if except_for:
            query = query.where(mine.id.not_in(except_for))
        return query.order_by(mine.rank, mine.id).limit(1).correlate(UserRow).scalar_subquery()

    users = select(next_of(mine.user_id == UserRow.id).label("id")).select_from(UserRow)
    of_users = users.where(_running(queue, lambda job: job.user_id == UserRow.id) < limit)
    of_nobody = select(next_of(mine.user_id.is_(None)).label("id")).where(
        _running(queue, lambda job: job.user_id.is_(None)) < limit
    )
    return select(union_all(of_users, of_nobody).subquery().c.id)


def _running(queue: str, whose: Callable[[type[JobRow]], ColumnElement[bool]] | None = None) -> ScalarSelect[int]:
    """How many jobs of a queue are running, of all or of somebody."""
    job = aliased(JobRow)
    query = select(func.count()).select_from(job).where(text(IS_RUNNING), job.queue == queue)
    return (query if whose is None else query.where(whose(job)).correlate(UserRow)).scalar_subquery()
