"""Links that sign in once: what `deeplab up` prints on a machine where nobody has a password.

Every function takes a Session and leaves the commit to its caller.
"""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from worker.jobs.accounts.secret_text import hash_of, new_secret
from worker.jobs.accounts.users import User, from_row
from worker.jobs.database import db_now, read_clock
from worker.jobs.tables import LoginLinkRow, UserRow

LIFE_SECONDS = 600


def create(session: Session, user: User) -> str:
    """Make the secret of a link; those that have run out go away."""
    now = read_clock(session)
    session.execute(delete(LoginLinkRow).where(LoginLinkRow.expires_at <= now))
    secret = new_secret()
    session.add(LoginLinkRow(hash=hash_of(secret), user_id=user.id, expires_at=now + LIFE_SECONDS))
    session.flush()
    return secret


def use(session: Session, secret: str) -> User | None:
    """Use up a link; return whom it signs in, or None if it was used before or has run out."""
    used = session.execute(
        delete(LoginLinkRow)
        .where(LoginLinkRow.hash == hash_of(secret), LoginLinkRow.expires_at > db_now())
        .returning(LoginLinkRow.user_id)
    ).scalar_one_or_none()
    if used is None:
        return None
    row = session.scalars(select(UserRow).where(UserRow.id == used, ~UserRow.disabled)).one_or_none()
    return None if row is None else from_row(row)
