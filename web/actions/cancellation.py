"""Cancels a job over HTTP: one's own, or as an admin anybody's."""

from web.access.permissions import ForbiddenError
from web.context import Identity
from worker.jobs import jobs
from worker.jobs.accounts.roles import ADMIN, OPERATOR, allows
from worker.jobs.database import open_session
from worker.jobs.jobs import Job, JobSummary
from worker.jobs.settings import Settings


def cancel(settings: Settings, job_id: int, identity: Identity) -> Job:
    """End a queued job at once; ask the supervisor of a running one to end it.

    Raises:
        JobNotFoundError: if there is no such job.
        ForbiddenError: if it is somebody else's.
        JobStateError: if it has already ended.
    """
    with open_session(settings) as session:
        job = jobs.get(session, job_id)
        if not may_cancel(job, identity):
            whose = f"was submitted by {job.user}" if job.user else "was submitted on the command line"
            raise ForbiddenError(f"Job {job_id} {whose}; only an admin can cancel it.")
        return jobs.cancel(session, job_id, identity.user_id)


def may_cancel(job: JobSummary, identity: Identity | None) -> bool:
    """Whether somebody may cancel a job, if it has not ended."""
    if identity is None:
        return False
    return allows(identity.role, ADMIN) or (allows(identity.role, OPERATOR) and job.user == identity.name)
