"""Delete try jobs with their images, some time after their end: nobody looks at them again."""

from sqlalchemy import select

from worker.jobs import uploads
from worker.jobs.catalog import PASSING, TERMINAL
from worker.jobs.cleaning import deletion
from worker.jobs.database import db_now, open_session
from worker.jobs.jobs import JobNotFoundError, JobStateError
from worker.jobs.settings import Settings
from worker.jobs.tables import JobRow

_AT_ONCE = 20  # in a pass of the reconciler


def delete_old(settings: Settings) -> None:
    """Delete some of those that have ended longer ago than DEEPLAB_TRY_SECONDS."""
    old = (
        JobRow.kind == PASSING,
        JobRow.state.in_(TERMINAL),
        JobRow.finished_at <= db_now() - settings.try_seconds,
    )
    with open_session(settings, reads_only=True) as session:
        found = session.execute(select(JobRow.id, JobRow.spec).where(*old).order_by(JobRow.id).limit(_AT_ONCE)).all()
    for job_id, spec in found:
        try:
            deletion.delete_job(settings, job_id)
        except (JobNotFoundError, JobStateError):  # another process was faster
            continue
        uploads.discard_file(settings, spec["image"])
