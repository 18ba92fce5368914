"""How an attempt ended, as its child tells its supervisor: a small JSON file, written last."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from worker.jobs import storage

# Besides the states SUCCEEDED, whose `result` says what was produced, and FAILED, whose `error` says why:
CRASHED = "crashed"  # `error` says how; another attempt may do better
STOPPED = "stopped"  # it was told to stop, and saved what it could


@dataclass(frozen=True)
class Outcome:
    """The end of an attempt."""

    state: str  # SUCCEEDED, FAILED, CRASHED or STOPPED
    result: dict[str, Any] | None = None
    error: str | None = None


def write_outcome(path: Path, outcome: Outcome) -> None:
    """Leave an outcome for the supervisor: whole or not at all, flushed to the disk."""
    storage.write_text(path, json.dumps(asdict(outcome)))


def read_outcome(path: Path) -> Outcome | None:
    """The outcome that a child left; None if it was killed before it could."""
    try:
        return Outcome(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None
