"""One platform per home folder: a running one holds a lock file, which says who it is and where it listens."""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from deeplab.errors import DeepLabError
from worker.jobs import storage
from worker.jobs.home import HomeError
from worker.jobs.settings import Settings


class HomeLockedError(DeepLabError):
    """Another platform runs on this home folder."""


@dataclass(frozen=True)
class Holder:
    """The process that runs the platform of a home."""

    pid: int
    command: str  # "deeplab up"
    address: str | None  # of its dashboard


class HomeLock:
    """A lock that is held inside the block; the kernel releases it when the process ends, however it ends."""

    def __init__(self, settings: Settings, command: str, address: str | None) -> None:
        self.settings = settings
        self.holder = Holder(os.getpid(), command, address)

    def __enter__(self) -> "HomeLock":
        """Take the lock.

        Raises:
            HomeLockedError: if another process holds it; the sentence says who and where it listens.
            HomeError: if the home folder cannot be created or written to.
        """
        path = storage.lock_path(self.settings)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = path.open("a+")
            locked = _lock(self._file)
        except OSError as error:
            raise HomeError(
                f"The home folder {path.parent} cannot be used: {error.strerror or error}; "
                "choose another one with --home or DEEPLAB_HOME."
            ) from None
        if not locked:
            self._file.close()
            raise HomeLockedError(_sentence(self.settings.home, platform_at(self.settings)))
        self._file.truncate(0)
        self._file.write(json.dumps(asdict(self.holder)))
        self._file.flush()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._file.truncate(0)
        self._file.close()


def platform_at(settings: Settings) -> Holder | None:
    """Find the process that runs the platform of a home; None if there is none."""
    path = storage.lock_path(settings)
    if not path.exists():
        return None
    with path.open("r+") as file:
        if _try_lock(file):
            return None
        text = file.read()
    # Empty for a moment, between taking the lock and writing to the file.
    return Holder(**json.loads(text)) if text else Holder(0, "another process", None)


def _lock(file: IO[str]) -> bool:
    for _ in range(10):  # `platform_at` holds it for a moment when it looks
        if _try_lock(file):
            return True
        time.sleep(0.03)
    return False


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sentence(home: Path, holder: Holder | None) -> str:
    if holder is None:  # it has just ended
        return f"A platform was running on {home} a moment ago; try again."
    listens = f" and listens on {holder.address}" if holder.address else ""
    return f"The platform of {home} is already running ({holder.command}, process {holder.pid}){listens}."
