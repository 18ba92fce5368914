"""The outcome of an attempt, which its child leaves for the supervisor in a small JSON file, written last."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deeplab.files import write_text

# Outcomes besides SUCCEEDED and FAILED:
CRASHED = "crashed"  # unlike for a failure, another attempt may succeed
STOPPED = "stopped"  # it was told to stop, and saved what it could


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended, by its child."""

    state: str  # SUCCEEDED, FAILED, CRASHED or STOPPED
    result: dict[str, Any] | None = None  # what was produced
    error: str | None = None  # why it failed or crashed, one sentence


class CompanionFailedError(Exception):
    """A process that trains together with the child ended before its end; says what becomes of the attempt."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(outcome.error or outcome.state)


def write_outcome(path: Path, outcome: Outcome) -> None:
    """Write an outcome: whole or not at all, flushed to the disk."""
    write_text(path, json.dumps(asdict(outcome)))


def read_outcome(path: Path) -> Outcome | None:
    """Read the outcome that a child left; None if it was killed before it could."""
    try:
        return Outcome(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None
