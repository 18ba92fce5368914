"""Deletes jobs and checkpoints over HTTP, with their files: one's own, or as an admin anybody's."""

from web.access.permissions import require_own
from web.context import Identity
from worker.jobs import jobs
from worker.jobs.cleaning import checkpoint_deletion, deletion
from worker.jobs.cleaning.checkpoint_deletion import CheckpointLoss
from worker.jobs.cleaning.deletion import Loss
from worker.jobs.database import open_session
from worker.jobs.records import checkpoints
from worker.jobs.settings import Settings


def delete(settings: Settings, job_id: int, identity: Identity) -> Loss:
    """Delete a job that has ended, and return what went with it.

    Raises:
        JobNotFoundError: if there is no such job.
        ForbiddenError: if it is somebody else's.
        JobStateError: if it has not ended, or others refer to what it made.
    """
    with open_session(settings, reads_only=True) as session:
        require_own(jobs.get(session, job_id), identity, "delete it")
    return deletion.delete_job(settings, job_id, identity.user_id)


def delete_checkpoint(settings: Settings, checkpoint_id: int, identity: Identity) -> CheckpointLoss:
    """Delete a checkpoint, and return what went with it.

    Raises:
        CheckpointNotFoundError: if there is no such checkpoint.
        ForbiddenError: if its job is somebody else's.
        CheckpointInUseError: if it is pinned, has an alias, or jobs refer to it.
    """
    with open_session(settings, reads_only=True) as session:
        job = jobs.get(session, checkpoints.get(session, checkpoint_id).job_id)
        require_own(job, identity, "delete its checkpoints")
    return checkpoint_deletion.delete_checkpoint(settings, checkpoint_id)
