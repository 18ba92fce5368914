"""Requests and answers of the API: what is read from the one and written into the other."""

from typing import Any

from flask import request
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest

from web.results.segmentation import item_key
from worker.jobs import trials
from worker.jobs.jobs import Job
from worker.jobs.plain_json import as_json
from worker.jobs.records import checkpoints, evaluations
from worker.jobs.specs import SpecError

LARGEST_NUMBER = 2**31 - 1  # that every database can compare with the number of a row


def job_as_json(job: Job, notice: str | None = None) -> dict[str, Any]:
    """A job's fields and how far it is; `notice` says what its submitter should know."""
    return {**as_json(job), "fraction": job.fraction} | ({} if notice is None else {"notice": notice})


def whole_job_as_json(session: Session, job: Job) -> dict[str, Any]:
    """A job with what it left behind."""
    saved = [
        {name: value for name, value in as_json(checkpoint).items() if name != "config"}
        for checkpoint in checkpoints.list_checkpoints(session, job.id)
    ]
    evaluation = as_json(evaluations.find(session, job.id))
    found = as_json(trials.list_trials(session, job))
    return {**job_as_json(job), "evaluation": evaluation, "trials": found, "checkpoints": saved}


def item_as_json(row: Any) -> dict[str, Any]:
    """An image of a segment job; `key` names it in /jobs/<id>/photos/<key> and /jobs/<id>/masks/<key>."""
    return {"key": item_key(row.path), **as_json(row)}


def read_body() -> dict[str, Any]:
    """The JSON object that was sent.

    Raises:
        UnsupportedMediaType: if it is of another content type. A foreign page can send no other without asking first.
        BadRequest: if it is malformed, or no object.
    """
    try:
        body = request.get_json()
    except BadRequest as error:
        raise BadRequest("The body is not valid JSON.") from error
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object, such as {}.")
    return body


def read_number(name: str, default: int | None, largest: int = LARGEST_NUMBER) -> int | None:
    """A whole number of the query, from 0 to `largest`.

    Raises:
        SpecError: if it is something else.
    """
    text = request.args.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) > largest:
        raise SpecError({name: f"must be a whole number from 0 to {largest}, got {text!r}."})
    return int(text)


def read_choice(name: str, known: tuple[str, ...]) -> str | None:
    """A word of the query.

    Raises:
        SpecError: if it is none of the known ones.
    """
    text = request.args.get(name)
    if text is not None and text not in known:
        raise SpecError({name: f"must be one of {', '.join(known)}, got {text!r}."})
    return text
