"""The outcome of an attempt, which its child leaves for the supervisor in a small JSON file, written last."""

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deeplab.errors import DeepLabError, StorageAwayError
from deeplab.files import write_text
from deeplab.passing_errors import may_pass
from worker.jobs.database import DatabaseError
from worker.jobs.outcomes import CRASHED, OUTAGE

STOPPED = "stopped"  # it was told to stop, and saved what it could

EXIT_UNWRITTEN = os.EX_CANTCREAT  # exit status of a child that could not write its outcome

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended, by its child."""

    state: str  # one of worker.jobs.outcomes.ENDINGS that a child can know of, or STOPPED
    result: dict[str, Any] | None = None  # what was produced
    error: str | None = None  # why it failed or crashed, one sentence


class CompanionFailedError(Exception):
    """A process that trains together with the child ended before its end; says what becomes of the attempt."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(outcome.error or outcome.state)


def is_outage(error: BaseException) -> bool:
    """Whether an error, or what caused it, is the database's or the storage's, and may be over by and by."""
    if any(isinstance(each, DatabaseError | StorageAwayError) or _is_lack_of_room(each) for each in _causes(error)):
        return True
    of_files = isinstance(error, DeepLabError | OSError) and not isinstance(error, ConnectionError)
    return of_files and may_pass(error)


def outcome_of_system_error(error: OSError, sentence: str) -> Outcome:
    """The outcome of an attempt that the system did not let begin."""
    return Outcome(OUTAGE if is_outage(error) else CRASHED, error=sentence)


def _is_lack_of_room(error: BaseException) -> bool:
    """Whether a disk is full; libraries pass on no more than the text."""
    return getattr(error, "errno", None) in _NO_ROOM or os.strerror(errno.ENOSPC) in str(error)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def write_outcome(path: Path, outcome: Outcome) -> None:
    """Write an outcome: whole or not at all, flushed to the disk."""
    write_text(path, json.dumps(asdict(outcome)), sends=False)


def read_outcome(path: Path) -> Outcome | None:
    """Read the outcome that a child left; None if it was killed before it could."""
    try:
        return Outcome(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None
