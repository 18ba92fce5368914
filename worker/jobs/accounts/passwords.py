"""Passwords: hashed by argon2id, which takes a part of a second and 64 MiB, so never inside a write transaction."""

import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from deeplab.errors import DeepLabError

SHORTEST, LONGEST = 12, 1000  # characters
_HASHER = PasswordHasher()


class PasswordRefusedError(DeepLabError):
    """A password that cannot be chosen."""


def hash_password(password: str) -> str:
    """Hash a new password.

    Raises:
        PasswordRefusedError: if it is too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordRefusedError(
            f"A password has from {SHORTEST} to {LONGEST:,} characters; this one has {len(password):,}."
        )
    return _HASHER.hash(_as_bytes(password))


def matches(password_hash: str | None, password: str) -> bool:
    """Whether a password is the one that was hashed; takes as long if there is none."""
    try:
        return _HASHER.verify(password_hash or _hash_of_nothing(), _as_bytes(password[: LONGEST + 1]))
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hash_of_nothing() -> str:
    """The hash of a password that nobody knows."""
    return _HASHER.hash(secrets.token_bytes())


def _as_bytes(password: str) -> bytes:
    # Keyboards spell accents in either of two ways.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
