"""The logs of a job's attempts: their ends, and the lines that hold a text."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deeplab import remote
from deeplab.errors import DeepLabError
from deeplab.files import read_tail
from deeplab.formats import plural
from worker.jobs import storage
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings

MOST_FOUND = 500  # lines that a search answers
_LONGEST_LINE = 2**16  # characters; a progress bar may write one line for hours


class NoSuchAttemptError(DeepLabError):
    """A job has no attempt of that number."""

    def __init__(self, job: Job, attempt: int) -> None:
        super().__init__(f"Job {job.id} has no attempt {attempt}; it has {plural(job.fence, 'attempt')}.")


@dataclass(frozen=True)
class FoundLine:
    """A line of a log that holds what was searched."""

    number: int  # from 1 on
    text: str


def log_of(settings: Settings, job: Job, attempt: int | None = None) -> Path | None:
    """The log of an attempt of a job, named by its fence; None: of the last. None if there is no such attempt."""
    fence = job.fence if attempt is None else attempt
    return storage.log_path(settings, job.id, fence) if 0 < fence <= job.fence else None


def fence_of(job: Job, attempt: int | None) -> int:
    """The fence of an attempt; None: of the last, 0 before the first.

    Raises:
        NoSuchAttemptError: if the job has no such attempt.
    """
    if attempt is None:
        return job.fence
    if not 0 < attempt <= job.fence:
        raise NoSuchAttemptError(job, attempt)
    return attempt


def read_from(log: Path | None, after: int, n_bytes: int) -> tuple[str, int]:
    """Read a log from a byte on; return at most so many bytes of it, as text, and where the next part begins."""
    if log is None or not remote.is_file(log):
        return "", after
    with remote.fetch(log).open("rb") as file:
        file.seek(after)
        data = file.read(n_bytes)
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    text = decoder.decode(data)
    n_left = len(decoder.getstate()[0])  # of a character whose other bytes have yet to be written
    return text, after + len(data) - n_left


def size_of(log: Path | None) -> int:
    """How many bytes a log has; 0 if there is none yet."""
    return remote.fetch(log).stat().st_size if log is not None and remote.is_file(log) else 0


def read_end(log: Path | None, n_bytes: int) -> str:
    """Read the last complete lines of a log; empty if there is none yet."""
    return "" if log is None else read_tail(log, n_bytes)


def search(log: Path | None, text: str) -> Sequence[FoundLine]:
    """Find the last lines of a log that hold a text, in whatever case, in their order; none if there is no log."""
    found: list[FoundLine] = []
    if log is None or not remote.is_file(log):
        return found
    wanted = text.casefold()
    with remote.fetch(log).open(encoding="utf-8", errors="replace") as file:
        number = 0
        while line := file.readline(_LONGEST_LINE):
            number += 1
            if wanted in line.casefold():
                found.append(FoundLine(number, line.rstrip("\r\n")))
                del found[:-MOST_FOUND]
    return found
