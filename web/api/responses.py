"""Writes the API's answers: jobs and items as JSON."""

from typing import Any

from sqlalchemy.orm import Session

from web.results.segmentation import item_key
from worker.jobs import trials
from worker.jobs.jobs import Job
from worker.jobs.plain_json import as_json
from worker.jobs.records import checkpoints, evaluations


def job_as_json(job: Job, notice: str | None = None) -> dict[str, Any]:
    """A job's fields and how far it is; `notice` says what its submitter should know."""
    return {**as_json(job), "fraction": job.fraction} | ({} if notice is None else {"notice": notice})


def whole_job_as_json(session: Session, job: Job) -> dict[str, Any]:
    """A job with its evaluation, trials and checkpoints."""
    saved = [
        {name: value for name, value in as_json(checkpoint).items() if name != "config"}
        for checkpoint in checkpoints.list_checkpoints(session, job.id)
    ]
    evaluation = as_json(evaluations.find(session, job.id))
    found = as_json(trials.list_trials(session, job))
    return {**job_as_json(job), "evaluation": evaluation, "trials": found, "checkpoints": saved}


def item_as_json(row: Any) -> dict[str, Any]:
    """An image of a segment job; `key` names it in /jobs/<id>/images/<key> and /jobs/<id>/masks/<key>."""
    return {"key": item_key(row.path), **as_json(row)}
