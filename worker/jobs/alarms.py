"""What people have to mend, shown on every page: such as a broker that takes nothing.

Each process of the platform reports what it sees; an alarm that nobody repeats goes out by itself.
"""

import os
import socket
from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from worker.jobs.database import db_now, read_clock
from worker.jobs.tables import AlarmRow

BROKER = "broker"
DISK = "disk"

_FRESH_SECONDS = 60  # after the last report, for which it is shown
_KEPT_SECONDS = 3600


def report(session: Session, subject: str, sentence: str | None) -> None:
    """Say how something is, as this process sees it: a sentence for people, or None where all is well."""
    old = AlarmRow.at < db_now() - _KEPT_SECONDS
    session.execute(delete(AlarmRow).where(_own(subject) | old))
    if sentence is not None:
        at = read_clock(session)
        session.add(AlarmRow(subject=subject, reporter=_reporter(), sentence=sentence, at=at))


def is_reported(session: Session, subject: str) -> bool:
    """Whether this process has reported that something is wrong."""
    return session.scalar(select(AlarmRow.at).where(_own(subject))) is not None


def list_fresh(session: Session) -> Sequence[str]:
    """List what is wrong, each sentence once."""
    query = select(AlarmRow.sentence).where(AlarmRow.at > db_now() - _FRESH_SECONDS)
    return session.scalars(query.distinct().order_by(AlarmRow.sentence)).all()


def _reporter() -> str:
    return f"{socket.gethostname()}/{os.getpid()}"


def _own(subject: str) -> ColumnElement[bool]:
    return (AlarmRow.subject == subject) & (AlarmRow.reporter == _reporter())
