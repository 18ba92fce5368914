"""Open the results of a job."""

from pathlib import Path

from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.results import parts
from worker.jobs.results.store import Results
from worker.jobs.settings import Settings


def open_results(settings: Settings, job: Job) -> Results:
    """Open what a job has recorded so far; empty if that is nothing."""

    def list_folders() -> list[Path]:
        with open_session(settings, reads_only=True) as session:
            return [part.folder for part in parts.list_parts(session, job.id)]

    return Results(settings, list_folders)
