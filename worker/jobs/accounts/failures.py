"""Failures to sign in: after five within a quarter of an hour, a name is refused to an address for a while.

Every function takes a Session and leaves the commit to its caller.
"""

import math

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from deeplab.formats import plural
from worker.jobs.database import read_clock
from worker.jobs.tables import LoginFailureRow

MOST = 5
WINDOW_SECONDS = 900


class TooManyFailuresError(DeepLabError):
    """Somebody guesses passwords, or has forgotten one."""

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, math.ceil(seconds))  # after which it is worth trying again
        minutes = plural(math.ceil(self.seconds / 60), "minute")
        super().__init__(f"Too many wrong passwords; try again in {minutes}.")


def begin(session: Session, name: str, address: str) -> None:
    """Count an attempt as failed before its password is looked at, so that parallel guesses do not outrun the count.

    Raises:
        TooManyFailuresError: if there were five already.
    """
    now = read_clock(session)
    session.execute(delete(LoginFailureRow).where(LoginFailureRow.at <= now - WINDOW_SECONDS))
    theirs = (LoginFailureRow.name == name, LoginFailureRow.address == address)
    count, oldest = session.execute(select(func.count(), func.min(LoginFailureRow.at)).where(*theirs)).one()
    if count >= MOST:
        raise TooManyFailuresError(oldest + WINDOW_SECONDS - now)
    session.add(LoginFailureRow(name=name, address=address, at=now))
    session.flush()


def forget(session: Session, name: str, address: str) -> None:
    """Forget the failures of somebody who has signed in."""
    session.execute(delete(LoginFailureRow).where(LoginFailureRow.name == name, LoginFailureRow.address == address))
