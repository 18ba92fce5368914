"""A job as JSON, the same for the API and for `--json`."""

from typing import Any

from sqlalchemy.orm import Session

from worker.jobs import jobs
from worker.jobs.jobs import Job, JobSummary
from worker.jobs.plain_json import as_json
from worker.jobs.records import checkpoints, evaluations, events, trials
from worker.jobs.settings import Settings
from worker.jobs.watching.waiting import find_obstacle


def job_as_json(job: JobSummary) -> dict[str, Any]:
    """A job's fields and its progress as a fraction. `attempts` is how many count against `max_attempts`."""
    return {**as_json(job), "fraction": job.fraction}


def whole_job_as_json(session: Session, settings: Settings, job: Job) -> dict[str, Any]:
    """A job with what it left behind. `history` lists its attempts.

    `obstacle` says why a queued job cannot start for now; null if a live worker can run it.
    """
    return {
        **job_as_json(job),
        "obstacle": None if (obstacle := find_obstacle(session, settings, job)) is None else obstacle.sentence,
        "evaluation": as_json(evaluations.find(session, job.id)),
        "trials": as_json(trials.list_trials(session, job.id, job.spec)),
        "checkpoints": as_json(checkpoints.list_checkpoints(session, job.id)),
        **history_as_json(session, job.id),
    }


def history_as_json(session: Session, job_id: int) -> dict[str, Any]:
    """The attempts at a job and what happened to it, oldest first."""
    return {
        "history": as_json(jobs.list_attempts(session, job_id)),
        "events": as_json(events.list_events(session, job_id)),
    }
