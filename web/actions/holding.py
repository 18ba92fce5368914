"""When a job starts, changed over HTTP: one's own, or as an admin anybody's."""

from web.access.permissions import require_own
from web.context import Identity
from worker.jobs import holds, jobs
from worker.jobs.broker.queue import try_publish
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings


def pause(settings: Settings, job_id: int, identity: Identity) -> Job:
    """Put a job on hold; a running one goes back to the queue once it has saved a checkpoint.

    Raises:
        JobNotFoundError: if there is no such job.
        ForbiddenError: if it is somebody else's.
        JobStateError: if it has ended, is being cancelled, or is on hold already.
    """
    with open_session(settings) as session:
        require_own(jobs.get(session, job_id), identity, "pause it")
        return holds.pause(session, job_id, identity.user_id)


def resume(settings: Settings, job_id: int, identity: Identity) -> Job:
    """Let a job that is on hold start, and tell Celery.

    Raises:
        JobNotFoundError: if there is no such job.
        ForbiddenError: if it is somebody else's.
        JobStateError: if it is not on hold.
    """
    with open_session(settings) as session:
        require_own(jobs.get(session, job_id), identity, "resume it")
        job = holds.resume(session, job_id, identity.user_id)
    try_publish(settings, job)  # else the reconciler does
    return job


def set_priority(settings: Settings, job_id: int, priority: int, identity: Identity) -> Job:
    """Give a queued job another priority.

    Raises:
        PriorityError: if it is none.
        JobNotFoundError: if there is no such job.
        ForbiddenError: if it is somebody else's.
        JobStateError: if it is not queued.
    """
    with open_session(settings) as session:
        require_own(jobs.get(session, job_id), identity, "change its priority")
        return holds.set_priority(session, job_id, priority, identity.user_id)
