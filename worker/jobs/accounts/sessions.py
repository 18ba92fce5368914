"""Sessions: browsers that are signed in. The cookie has a secret, the row its hash.

Every function takes a Session of the database and leaves the commit to its caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from worker.jobs.accounts.secret_text import hash_of, new_secret
from worker.jobs.accounts.users import User, from_row
from worker.jobs.database import db_now, read_clock
from worker.jobs.tables import SessionRow, UserRow

LIFE_SECONDS = 30 * 24 * 3600
_SEEN_EVERY_SECONDS = 600  # a page asks every two seconds, which must not become as many writes


@dataclass(frozen=True)
class SignIn:
    """A browser that is signed in, as its user sees it."""

    hash: str
    created_at: float
    seen_at: float
    expires_at: float


def start(session: Session, user_id: int) -> str:
    """Sign a browser in; return the secret of its cookie. Sessions that have run out go away."""
    now = read_clock(session)
    session.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
    secret = new_secret()
    session.add(
        SessionRow(hash=hash_of(secret), user_id=user_id, created_at=now, seen_at=now, expires_at=now + LIFE_SECONDS)
    )
    session.flush()
    return secret


def find_user(session: Session, secret: str) -> tuple[User, bool] | None:
    """Find who is signed in by a secret, and whether it is time to call `touch`; None: nobody."""
    query = (
        select(UserRow, db_now() - SessionRow.seen_at > _SEEN_EVERY_SECONDS)
        .join(SessionRow, SessionRow.user_id == UserRow.id)
        .where(SessionRow.hash == hash_of(secret), SessionRow.expires_at > db_now(), ~UserRow.disabled)
    )
    found = session.execute(query).one_or_none()
    return None if found is None else (from_row(found[0]), found[1])


def touch(session: Session, secret: str) -> None:
    """Note that a session was used."""
    session.execute(update(SessionRow).where(SessionRow.hash == hash_of(secret)).values(seen_at=db_now()))


def list_of(session: Session, user_id: int) -> Sequence[SignIn]:
    """A user's sessions, the one that was used last first."""
    query = (
        select(SessionRow)
        .where(SessionRow.user_id == user_id, SessionRow.expires_at > db_now())
        .order_by(SessionRow.seen_at.desc())
    )
    return [SignIn(row.hash, row.created_at, row.seen_at, row.expires_at) for row in session.scalars(query)]


def end(session: Session, secret: str) -> None:
    """Sign a browser out."""
    session.execute(delete(SessionRow).where(SessionRow.hash == hash_of(secret)))


def end_others(session: Session, user_id: int, secret: str) -> None:
    """Sign a user out everywhere but in the browser that holds a secret."""
    session.execute(delete(SessionRow).where(SessionRow.user_id == user_id, SessionRow.hash != hash_of(secret)))
