"""Delete one checkpoint with its file, after saying what that takes away."""

from dataclasses import dataclass

from pydantic import computed_field
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from deeplab.files import delete_file
from deeplab.formats import list_briefly, size
from worker.jobs import jobs
from worker.jobs.catalog import TERMINAL
from worker.jobs.database import open_session
from worker.jobs.records import checkpoints
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.records.checkpoints import Checkpoint
from worker.jobs.settings import Settings
from worker.jobs.tables import JobRow


class CheckpointInUseError(DeepLabError):
    """A checkpoint that is pinned, has an alias, or that jobs refer to."""


@dataclass(frozen=True)
class CheckpointLoss:
    """What goes with a checkpoint."""

    checkpoint_id: int
    n_bytes: int
    job_id: int
    is_best: bool  # of its job
    is_last: bool  # of its job, which could be resumed from it

    def __str__(self) -> str:
        """As one sentence."""
        return self.sentence

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorators of properties
    @property
    def sentence(self) -> str:
        """What is lost, in one sentence."""
        roles = [*(["the best"] if self.is_best else []), *(["the last"] if self.is_last else [])]
        role = f"; it is {' and '.join(roles)} of job {self.job_id}" if roles else ""
        return f"Deleting checkpoint {self.checkpoint_id} deletes {size(self.n_bytes)} of weights{role}."


def foresee(session: Session, checkpoint_id: int) -> CheckpointLoss:
    """Say what deleting a checkpoint would delete.

    Raises:
        CheckpointNotFoundError: if there is no such checkpoint.
        CheckpointInUseError: if it may not be deleted.
    """
    found = checkpoints.get(session, checkpoint_id)
    _require_deletable(session, found)
    last = checkpoints.find_last(session, found.job_id)
    is_last = last is not None and last.id == found.id
    return CheckpointLoss(found.id, found.n_bytes, found.job_id, found.is_best, is_last)


def delete_checkpoint(settings: Settings, checkpoint_id: int) -> CheckpointLoss:
    """Delete a checkpoint: its row, and then its file, which a clean-up deletes if this process cannot.

    Raises:
        CheckpointNotFoundError: if there is no such checkpoint.
        CheckpointInUseError: if it is pinned, has an alias, or jobs refer to it.
    """
    with open_session(settings) as session:
        # Locked before looking for references: a submission in the meantime waits, and finds the checkpoint gone.
        checkpoints.lock_for_deletion(session, checkpoint_id)
        found = checkpoints.get(session, checkpoint_id)
        loss = foresee(session, checkpoint_id)
        checkpoints.remove(session, found)
    delete_file(found.path)
    return loss


def _require_deletable(session: Session, checkpoint: Checkpoint) -> None:
    reason = _obstacle(session, checkpoint)
    if reason:
        raise CheckpointInUseError(f"Checkpoint {checkpoint.id} cannot be deleted: {reason}.")


def _obstacle(session: Session, checkpoint: Checkpoint) -> str:
    """Why a checkpoint may not be deleted, and what to do about it; empty if it may."""
    job = jobs.get(session, checkpoint.job_id)
    if job.state not in TERMINAL:
        return f"job {job.id}, which saved it, is {job.state}"
    if checkpoint.pinned:
        return "it is pinned; unpin it first"
    if checkpoint.aliases:
        verb = "stands" if len(checkpoint.aliases) == 1 else "stand"
        return f"{list_briefly(checkpoint.aliases)} {verb} for it; move or remove the alias first"
    if users := _users(session, checkpoint):
        return f"{list_briefly([f'job {each}' for each in users])} used it; delete these first"
    return ""


def _users(session: Session, checkpoint: Checkpoint) -> list[int]:
    """The jobs other than its own that refer to a checkpoint."""
    refers = or_(JobRow.checkpoint == CheckpointRef.of_id(checkpoint.id).text, JobRow.best_checkpoint == checkpoint.id)
    query = select(JobRow.id).where(JobRow.id != checkpoint.job_id, refers).order_by(JobRow.id)
    return list(session.scalars(query))
