"""The outbox: who is still to be told of the end of which job. A row for each of them, made with the job's mark.

Any number of workers use it at the same time: a job is announced once, and a notice is sent by one of them at a time.
One that dies in the middle leaves a notice that is due again later, so that it may arrive twice, but never not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from worker.jobs.catalog import PASSING, TERMINAL
from worker.jobs.database import db_now, read_clock
from worker.jobs.settings import Settings
from worker.jobs.tables import JobRow, NoticeRow

WEBHOOK, MAIL = "webhook", "mail"
_AT_ONCE = 200  # jobs that are announced in a transaction
_SENDING_SECONDS = 60  # that a sender has, before another one takes the notice
_IS_NEW = (JobRow.announced.is_(False), JobRow.state.in_(TERMINAL))
_PAUSES = (10, 30, 120, 600, 3600, 6 * 3600, 24 * 3600)  # seconds after each failure; then a notice is given up


@dataclass(frozen=True)
class Notice:
    """What somebody is to be told."""

    id: int
    job_id: int
    channel: str  # WEBHOOK or MAIL
    target: str  # an address of the settings
    tries: int  # with this one


def targets(settings: Settings) -> list[tuple[str, str]]:
    """Who is told of the ends of jobs: channels and addresses."""
    return [
        *((WEBHOOK, url) for url in settings.webhook_urls),
        *((MAIL, address) for address in settings.mail_to),
    ]


def is_any_new(session: Session) -> bool:
    """Whether a job has ended of which `announce` has yet to write down whom to tell."""
    return session.scalar(select(JobRow.id).where(*_IS_NEW).limit(1)) is not None


def announce(session: Session, settings: Settings) -> None:
    """Write down whom to tell of the jobs that have ended since the last time."""
    tell = targets(settings)
    if not tell:
        session.execute(update(JobRow).where(*_IS_NEW).values(announced=True))
        return
    ids = select(JobRow.id).where(*_IS_NEW).order_by(JobRow.id).limit(_AT_ONCE)
    taken = session.execute(
        update(JobRow)
        .where(JobRow.id.in_(ids.scalar_subquery()), JobRow.announced.is_(False))
        .values(announced=True)
        .returning(JobRow.id, JobRow.state, JobRow.kind)
    ).all()
    now = read_clock(session)
    for job_id, state, kind in taken:
        if state in settings.notify_states and kind != PASSING:  # somebody waits for a try
            session.add_all(NoticeRow(job_id=job_id, channel=how, target=where, due_at=now) for how, where in tell)


def list_due(session: Session, limit: int = 100) -> Sequence[int]:
    """The ids of notices that are to be sent now, the oldest first."""
    query = select(NoticeRow.id).where(NoticeRow.due_at <= db_now()).order_by(NoticeRow.id).limit(limit)
    return session.scalars(query).all()


def claim(session: Session, notice_id: int) -> Notice | None:
    """Take a notice to send it; None if it is not due any more, since somebody else has taken it."""
    row = session.execute(
        update(NoticeRow)
        .where(NoticeRow.id == notice_id, NoticeRow.due_at <= db_now())
        .values(due_at=db_now() + _SENDING_SECONDS, tries=NoticeRow.tries + 1)
        .returning(NoticeRow.id, NoticeRow.job_id, NoticeRow.channel, NoticeRow.target, NoticeRow.tries)
    ).one_or_none()
    return None if row is None else Notice(*row)


def mark_sent(session: Session, notice: Notice) -> None:
    """Record that a notice has arrived."""
    _set(session, notice, due_at=None, sent_at=db_now(), error=None)


def mark_failed(session: Session, notice: Notice, reason: str) -> bool:
    """Record that a notice has not arrived; returns whether it is tried again."""
    again = notice.tries <= len(_PAUSES)
    _set(session, notice, due_at=db_now() + _PAUSES[notice.tries - 1] if again else None, error=reason)
    return again


def _set(session: Session, notice: Notice, **values: object) -> None:
    # Only of this try: a sender that was too slow must not undo what the next one has recorded.
    mine = (NoticeRow.id == notice.id, NoticeRow.tries == notice.tries)
    session.execute(update(NoticeRow).where(*mine).values(**values))
