"""Users: people with a role. They are never deleted, because jobs name them; whoever leaves is disabled.

Every function takes a Session and leaves the commit to its caller.
"""

import re
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from worker.jobs.accounts.roles import ADMIN, LOCAL, ROLES
from worker.jobs.database import read_clock
from worker.jobs.tables import LoginLinkRow, SessionRow, UserRow
from worker.jobs.timestamp import Timestamp

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")


class UserNotFoundError(DeepLabError):
    """There is no user of that name."""


class UserRefusedError(DeepLabError):
    """A user cannot have this name or role, or cannot be changed like this."""


@dataclass(frozen=True)
class User:
    """A person, or the built-in account."""

    id: int
    name: str
    role: str  # one of worker.jobs.accounts.roles.ROLES
    has_password: bool
    disabled: bool
    created_at: Timestamp


def is_name(text: str) -> bool:
    """Whether a user can have this name."""
    return _NAME.fullmatch(text) is not None


def add(session: Session, name: str, role: str, password_hash: str | None) -> User:
    """Add a user.

    Args:
        session: the caller commits.
        name: of at most 64 letters, digits, dots, dashes, underscores, @ and +.
        role: one of ROLES.
        password_hash: by worker.jobs.accounts.passwords; None: signs in at a proxy.

    Raises:
        UserRefusedError: if the name is malformed or taken, or there is no such role.
    """
    if not is_name(name):
        raise UserRefusedError(
            f"A name consists of at most 64 letters, digits, '.', '-', '_', '@' and '+', got {name!r}."
        )
    _refuse_local(name)
    _check_role(role)
    if find(session, name) is not None:
        raise UserRefusedError(f"There is already a user named {name!r}.")
    return _insert(session, name, role, password_hash)


def ensure(session: Session, name: str, role: str) -> User:
    """Read a user; add it, without a password, if there is none of that name."""
    if (known := find(session, name)) is not None:
        return known
    try:
        with session.begin_nested():
            return _insert(session, name, role, None)
    except IntegrityError:  # somebody else has added it meanwhile
        return get(session, name)


def ensure_local(session: Session) -> User:
    """Read the built-in account; add it if it is not there yet."""
    return ensure(session, LOCAL, ADMIN)


def find(session: Session, name: str) -> User | None:
    """Read a user, if there is one of that name."""
    row = session.scalars(select(UserRow).where(UserRow.name == name)).one_or_none()
    return None if row is None else from_row(row)


def get(session: Session, name: str) -> User:
    """Read a user.

    Raises:
        UserNotFoundError: if there is none of that name.
    """
    return from_row(_row(session, name))


def find_password_hash(session: Session, name: str) -> str | None:
    """What an enabled user's password was hashed to; None: nobody can sign in under this name by a password."""
    return session.scalar(select(UserRow.password_hash).where(UserRow.name == name, ~UserRow.disabled))


def list_users(session: Session) -> list[User]:
    """All users by name."""
    return [from_row(row) for row in session.scalars(select(UserRow).order_by(UserRow.name))]


def has_admin(session: Session, *, with_password: bool) -> bool:
    """Whether an enabled person is an admin; the built-in account is none."""
    wanted = [UserRow.role == ADMIN, ~UserRow.disabled, UserRow.name != LOCAL]
    return _exists(session, *wanted, *([UserRow.password_hash.is_not(None)] if with_password else []))


def has_password(session: Session) -> bool:
    """Whether anybody can sign in by a password."""
    return _exists(session, UserRow.password_hash.is_not(None), ~UserRow.disabled)


def set_password(session: Session, name: str, password_hash: str) -> None:
    """Change a user's password; ends their sessions.

    Raises:
        UserNotFoundError: if there is no such user.
        UserRefusedError: if it is the built-in account.
    """
    row = _changeable(session, name)
    row.password_hash = password_hash
    _end_sessions(session, row.id)


def set_role(session: Session, name: str, role: str) -> None:
    """Change a user's role; ends their sessions. Tokens of a higher role have the new one from now on.

    Raises:
        UserNotFoundError: if there is no such user.
        UserRefusedError: if it is the built-in account, or there is no such role.
    """
    _check_role(role)
    row = _changeable(session, name)
    row.role = role
    _end_sessions(session, row.id)


def set_disabled(session: Session, name: str, disabled: bool) -> None:
    """Lock a user out, with sessions and tokens, or let them in again.

    Raises:
        UserNotFoundError: if there is no such user.
        UserRefusedError: if it is the built-in account.
    """
    row = _changeable(session, name)
    row.disabled = disabled
    _end_sessions(session, row.id)


def from_row(row: UserRow) -> User:
    """Read a user from its row."""
    return User(row.id, row.name, row.role, row.password_hash is not None, row.disabled, row.created_at)


def _insert(session: Session, name: str, role: str, password_hash: str | None) -> User:
    row = UserRow(
        name=name,
        role=role,
        password_hash=password_hash,
        disabled=False,
        created_at=read_clock(session),
    )
    session.add(row)
    session.flush()
    return from_row(row)


def _row(session: Session, name: str) -> UserRow:
    row = session.scalars(select(UserRow).where(UserRow.name == name)).one_or_none()
    if row is None:
        raise UserNotFoundError(f"There is no user named {name!r}.")
    return row


def _changeable(session: Session, name: str) -> UserRow:
    _refuse_local(name)
    return _row(session, name)


def _refuse_local(name: str) -> None:
    if name == LOCAL:
        raise UserRefusedError(f"{LOCAL!r} is the built-in account, which cannot be changed.")


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise UserRefusedError(f"A role is one of {', '.join(ROLES)}, got {role!r}.")


def _exists(session: Session, *conditions: ColumnElement[bool]) -> bool:
    return session.scalar(select(UserRow.id).where(*conditions).limit(1)) is not None


def _end_sessions(session: Session, user_id: int) -> None:
    """Sign a user out everywhere, once the change is written."""
    session.flush()
    for table in (SessionRow, LoginLinkRow):
        session.execute(delete(table).where(table.user_id == user_id))
