"""Whether a platform is ready: its database, the revision of its tables, its broker and its storage."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooSlowError
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from sqlalchemy import select

from deeplab.errors import DeepLabError
from worker.jobs.broker.ping import ping
from worker.jobs.database import db_now, open_session
from worker.jobs.revisions import check_revision
from worker.jobs.settings import Settings

_LONGEST_SECONDS = 6.0  # that anybody waits for a part; database and broker give up by themselves before


@dataclass(frozen=True)
class Check:
    """What one part of the platform answered."""

    name: str  # database, revision, broker or storage
    seconds: float  # until it answered, or until nobody waited any more
    problem: str | None  # a sentence; None: it works

    @property
    def ok(self) -> bool:
        """Whether it works."""
        return self.problem is None


class StorageError(DeepLabError):
    """The home folder cannot be written, or not in time."""


def check_readiness(settings: Settings) -> list[Check]:
    """Ask all parts at the same time; each has a deadline of its own."""
    asked = {name: _start(partial(part, settings)) for name, part in _PARTS.items()}
    return [_result(name, started_at, answer) for name, (started_at, answer) in asked.items()]


def check_database(settings: Settings) -> None:
    """Ask for the time. Raises DatabaseError."""
    with open_session(settings, reads_only=True) as session:
        session.execute(select(db_now()))


def check_storage(settings: Settings) -> None:
    """Write a file into the home, read it and delete it. Raises StorageError."""
    probe = settings.home / f".ready-{uuid4().hex}"
    try:
        probe.write_bytes(b"ready")
        try:
            if probe.read_bytes() != b"ready":
                raise StorageError(f"{settings.home}: a file that was written just now reads otherwise.")
        finally:
            probe.unlink()
    except OSError as error:
        raise StorageError(f"{settings.home}: cannot be written: {error.strerror or error}.") from error


_PARTS: dict[str, Callable[[Settings], None]] = {
    "database": check_database,
    "revision": check_revision,
    "broker": ping,
    "storage": check_storage,
}


def _start(check: Callable[[], None]) -> tuple[float, "Future[float]"]:
    """Begin a check in a thread that nobody has to wait for: a file system can hang for ever."""
    started_at, answer = time.monotonic(), Future[float]()

    def run() -> None:
        try:
            check()
        except Exception as error:
            answer.set_exception(error)
        else:
            answer.set_result(time.monotonic())

    threading.Thread(target=run, daemon=True, name="readiness").start()
    return started_at, answer


def _result(name: str, started_at: float, answer: "Future[float]") -> Check:
    """Wait for a check, for as long as it may take."""
    try:
        answered_at = answer.result(timeout=max(0.0, started_at + _LONGEST_SECONDS - time.monotonic()))
    except TooSlowError:
        return Check(name, time.monotonic() - started_at, f"no answer within {_LONGEST_SECONDS:g} seconds.")
    except DeepLabError as error:
        return Check(name, time.monotonic() - started_at, str(error))
    return Check(name, answered_at - started_at, None)
