"""Cancels a job over HTTP: one's own, or as an admin anybody's."""

from web.access.permissions import require_own
from web.context import Identity
from worker.jobs import jobs
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings


def cancel(settings: Settings, job_id: int, identity: Identity) -> Job:
    """End a queued job at once; ask the supervisor of a running one to end it.

    Raises:
        JobNotFoundError: if there is no such job.
        ForbiddenError: if it is somebody else's.
        JobStateError: if it has already ended.
    """
    with open_session(settings) as session:
        require_own(jobs.get(session, job_id), identity, "cancel it")
        return jobs.cancel(session, job_id, identity.user_id)
