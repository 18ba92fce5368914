"""How much of the disk jobs take, by job and by kind."""

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from deeplab import remote
from worker.jobs import storage
from worker.jobs.settings import Settings
from worker.jobs.tables import JobRow

_IN_STEPS = 1000  # files between two looks at the time


@dataclass(frozen=True)
class JobUsage:
    """What the folder of a job takes."""

    job_id: int
    kind: str
    state: str
    name: str
    n_bytes: int


@dataclass(frozen=True)
class Usage:
    """What the folders of all jobs take; folders that requests name elsewhere are not counted."""

    jobs: Sequence[JobUsage]  # the largest first
    by_kind: dict[str, int]  # bytes
    complete: bool  # False: the time was up before all was counted

    @property
    def n_bytes(self) -> int:
        """All of it."""
        return sum(self.by_kind.values())


def measure(session: Session, settings: Settings, seconds: float = float("inf")) -> Usage:
    """Add up the files of jobs, the newest jobs first, for at most so many seconds."""
    deadline = time.monotonic() + seconds
    known = session.execute(select(JobRow.id, JobRow.kind, JobRow.state, JobRow.name).order_by(JobRow.id.desc()))
    found, by_kind, complete = [], Counter[str](), True
    for job_id, kind, state, name in known.all():
        n_bytes, finished = _size_of(storage.job_dir(settings, job_id), deadline)
        complete &= finished
        by_kind[kind] += n_bytes
        if n_bytes:
            found.append(JobUsage(job_id, kind, state, name, n_bytes))
    found.sort(key=lambda each: (-each.n_bytes, each.job_id))
    return Usage(found, dict(by_kind.most_common()), complete)


def size_of(path: Path) -> int:
    """The bytes of a file, or of all files in a folder."""
    return _size_of(path, float("inf"))[0] if path.is_dir() else path.lstat().st_size


def list_files(folder: Path) -> dict[Path, int]:
    """The bytes of all files below a folder, by their paths, here and on the storage that it stands for.

    Raises:
        StorageAwayError: if the storage did not answer all the time.
    """
    here = {Path(entry.path): n_bytes for entry, n_bytes in _walk(folder)}
    return here | dict(remote.list_files(folder))


def _size_of(folder: Path, deadline: float) -> tuple[int, bool]:
    """The bytes of all files in a folder, and whether the time sufficed."""
    total = 0
    for n_files, (_, n_bytes) in enumerate(_walk(folder)):
        if n_files % _IN_STEPS == 0 and time.monotonic() > deadline:
            return total, False
        total += n_bytes
    return total, True


def _walk(folder: Path) -> Iterator[tuple[os.DirEntry[str], int]]:
    """All files below a folder, with their bytes; links are not followed."""
    waiting = [str(folder)]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:  # it is gone meanwhile, or no folder
            continue
        for entry in entries:
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    yield entry, entry.stat(follow_symlinks=False).st_size
