"""People that tests put into a store."""

from functools import cache

from sqlalchemy.orm import Session

from worker.jobs.accounts import users
from worker.jobs.accounts.passwords import hash_password
from worker.jobs.accounts.roles import ADMIN, OPERATOR, VIEWER
from worker.jobs.accounts.users import User

PASSWORD = "correct horse battery"  # noqa: S105  (of nobody)
NAMES = {VIEWER: "vera", OPERATOR: "otto", ADMIN: "ada"}


@cache
def password_hash() -> str:
    """That of PASSWORD; it takes a while, so once is enough."""
    return hash_password(PASSWORD)


def add_person(session: Session, role: str, name: str | None = None) -> User:
    """Add somebody with PASSWORD; vera views, otto operates, ada is an admin."""
    return users.add(session, name or NAMES[role], role, password_hash())
