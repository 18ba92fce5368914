"""Sign in by name and password, and change a password: hashing lies between the transactions, never inside one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from worker.jobs.accounts import failures, passwords, sessions, users
from worker.jobs.database import open_session
from worker.jobs.settings import Settings

_TURNS = threading.BoundedSemaphore(2)  # a hash takes 64 MiB and a CPU; a flood of them must not take all
_PATIENCE_SECONDS = 5


class WrongPasswordError(DeepLabError):
    """Name and password do not belong together."""

    def __init__(self) -> None:
        super().__init__("Wrong name or password.")


class BusyError(DeepLabError):
    """Too many people sign in at once."""

    def __init__(self) -> None:
        super().__init__("Too many people are signing in right now; try again in a moment.")


def sign_in(settings: Settings, name: str, password: str, address: str) -> str:
    """Sign a browser in; return the secret of its session.

    Args:
        settings: of the platform.
        name: as it was typed.
        password: as it was typed.
        address: where it was typed, by which failures are counted.

    Raises:
        WrongPasswordError: whether the name, the password or both are wrong, or the user is disabled.
        TooManyFailuresError: after five failures.
        BusyError: if others keep the processors busy.
    """
    with _proved(settings, name, password, address) as session:
        return sessions.start(session, users.get(session, name).id)


def change_password(settings: Settings, name: str, current: str, new: str, address: str) -> str:
    """Change a password, which ends all sessions of its user; return the secret of a new one.

    Raises:
        PasswordRefusedError: if the new one is too short or too long.
        WrongPasswordError, TooManyFailuresError, BusyError: as of `sign_in`.
    """
    with _turn():
        password_hash = passwords.hash_password(new)
    with _proved(settings, name, current, address) as session:
        users.set_password(session, name, password_hash)
        return sessions.start(session, users.get(session, name).id)


@contextmanager
def _proved(settings: Settings, name: str, password: str, address: str) -> Iterator[Session]:
    """Check a password; the block writes in a transaction in which it still holds."""
    known = name if users.is_name(name) else ""  # the failures of all others count together
    with _turn():
        with open_session(settings) as session:
            failures.begin(session, known, address)
            stored = users.find_password_hash(session, known)
        if not passwords.matches(stored, password):
            raise WrongPasswordError
    with open_session(settings) as session:
        if users.find_password_hash(session, known) != stored:  # changed or disabled meanwhile
            raise WrongPasswordError
        failures.forget(session, known, address)
        yield session


@contextmanager
def _turn() -> Iterator[None]:
    if not _TURNS.acquire(timeout=_PATIENCE_SECONDS):
        raise BusyError
    try:
        yield
    finally:
        _TURNS.release()
