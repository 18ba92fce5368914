"""Which checkpoints of a training may go: by rules that people choose, and never one that anything refers to."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from deeplab.files import delete_file
from worker.jobs import jobs
from worker.jobs.database import open_session
from worker.jobs.records import checkpoints
from worker.jobs.records.checkpoints import Checkpoint
from worker.jobs.settings import Settings

_ALL = 1_000_000  # checkpoints of a job


@dataclass(frozen=True)
class Rules:
    """Which checkpoints of a job are kept in any case."""

    best: int = 1  # of the highest mean IoU
    last: int = 1  # of the highest iterations, at least 1: a training goes on from there


def choose(session: Session, job_id: int, rules: Rules) -> list[Checkpoint]:
    """List the checkpoints of a job that may go, the oldest first.

    Raises:
        JobNotFoundError: if there is no such job.
    """
    jobs.get(session, job_id)
    found = sorted(checkpoints.list_checkpoints(session, job_id, _ALL), key=lambda each: (each.iteration, each.id))
    scored = sorted((each for each in found if each.mean_iou is not None), key=_by_score)
    kept = {each.id for each in (*found[-max(rules.last, 1) :], *scored[: rules.best])}
    kept |= checkpoints.find_referenced(session, [each.id for each in found])
    return [each for each in found if each.id not in kept]


def prune(settings: Settings, job_id: int, rules: Rules) -> list[Checkpoint]:
    """Delete the checkpoints of a job that may go: their rows, and then their files; list them.

    Raises:
        JobNotFoundError: if there is no such job.
    """
    with open_session(settings) as session:
        chosen = choose(session, job_id, rules)
        gone = checkpoints.discard_all(session, [each.id for each in chosen])
    for path in gone.values():
        delete_file(path)
    return [each for each in chosen if each.id in gone]


def n_bytes(found: Sequence[Checkpoint]) -> int:
    """How much room checkpoints take."""
    return sum(each.n_bytes for each in found)


def _by_score(checkpoint: Checkpoint) -> tuple[float, int]:
    return -(checkpoint.mean_iou or 0.0), checkpoint.iteration
