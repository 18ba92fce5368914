"""Tokens: what programs sign in with, as `Authorization: Bearer dlp_...`. They are shown once; the row has a hash.

Every function takes a Session and leaves the commit to its caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from worker.jobs.accounts.roles import allows, lesser
from worker.jobs.accounts.secret_text import hash_of, new_secret
from worker.jobs.accounts.users import User, from_row
from worker.jobs.database import db_now, read_clock
from worker.jobs.tables import TokenRow, UserRow
from worker.jobs.timestamp import Timestamp

PREFIX = "dlp_"  # by which people, and programs that look for secrets in files, know one
_LONGEST_NAME = 100
_LONGEST_LIFE_DAYS = 3650
_USED_EVERY_SECONDS = 600  # not every request of a program shall become a write


class TokenRefusedError(DeepLabError):
    """A token cannot be like this."""


class TokenNotFoundError(DeepLabError):
    """There is no such token."""


@dataclass(frozen=True)
class Token:
    """What a program signs in with, without its secret."""

    id: int
    user: str
    name: str  # what it is for
    role: str  # the most that it may do; never more than its user
    created_at: Timestamp
    used_at: Timestamp | None  # by about ten minutes; None: never
    expires_at: Timestamp | None  # None: never


@dataclass(frozen=True)
class Bearer:
    """Who sent a token."""

    token_id: int
    user: User
    role: str  # the lesser of the token's and the user's
    is_due: bool  # whether it is time to call `touch`


def create(session: Session, user: User, name: str, role: str, days: int | None) -> str:
    """Create a token; return its secret, which nothing can show again.

    Args:
        session: the caller commits.
        user: whose it is.
        name: what it is for.
        role: the most that it may do.
        days: after which it is worth nothing; None: never.

    Raises:
        TokenRefusedError: if it would have more rights than its user, no name, or another life than 1 to 3650 days.
    """
    if not allows(user.role, role):
        raise TokenRefusedError(f"A token cannot be {role}: its user {user.name} is {user.role}.")
    if not 0 < len(name.strip()) <= _LONGEST_NAME or not name.isprintable():
        raise TokenRefusedError(f"A token has a name of at most {_LONGEST_NAME} characters, got {name[:200]!r}.")
    if days is not None and not 1 <= days <= _LONGEST_LIFE_DAYS:
        raise TokenRefusedError(f"A token is valid for 1 to {_LONGEST_LIFE_DAYS} days, got {days}.")
    secret = new_secret(PREFIX)
    now = read_clock(session)
    session.add(
        TokenRow(
            user_id=user.id,
            name=name.strip(),
            hash=hash_of(secret),
            role=role,
            created_at=now,
            expires_at=None if days is None else now + days * 86400,
        )
    )
    session.flush()
    return secret


def find_bearer(session: Session, secret: str) -> Bearer | None:
    """Find who sent a token; None: nobody who may do anything."""
    is_due = or_(TokenRow.used_at.is_(None), db_now() - TokenRow.used_at > _USED_EVERY_SECONDS)
    query = (
        select(TokenRow.id, TokenRow.role, UserRow, is_due)
        .join(UserRow, UserRow.id == TokenRow.user_id)
        .where(
            TokenRow.hash == hash_of(secret),
            ~UserRow.disabled,
            or_(TokenRow.expires_at.is_(None), TokenRow.expires_at > db_now()),
        )
    )
    found = session.execute(query).one_or_none()
    if found is None:
        return None
    token_id, role, row, due = found
    return Bearer(token_id, from_row(row), lesser(role, row.role), bool(due))


def touch(session: Session, token_id: int) -> None:
    """Note that a token was used."""
    session.execute(update(TokenRow).where(TokenRow.id == token_id).values(used_at=db_now()))


def list_tokens(session: Session, user: str | None = None) -> Sequence[Token]:
    """Tokens, newest first; of one user if named."""
    query = select(TokenRow, UserRow.name).join(UserRow, UserRow.id == TokenRow.user_id).order_by(TokenRow.id.desc())
    if user is not None:
        query = query.where(UserRow.name == user)
    return [
        Token(row.id, name, row.name, row.role, row.created_at, row.used_at, row.expires_at)
        for row, name in session.execute(query)
    ]


def revoke(session: Session, token_id: int, user: str | None = None) -> None:
    """Make a token worthless; `user` limits that to those of one user.

    Raises:
        TokenNotFoundError: if there is none, or it is another user's.
    """
    condition = TokenRow.id == token_id
    if user is not None:
        condition &= TokenRow.user_id == select(UserRow.id).where(UserRow.name == user).scalar_subquery()
    revoked = session.execute(delete(TokenRow).where(condition).returning(TokenRow.id)).scalar_one_or_none()
    if revoked is None:
        raise TokenNotFoundError(f"There is no token {token_id}{f' of {user}' if user is not None else ''}.")
