"""Jobs over the API."""

from typing import Any

from flask import Response, jsonify, url_for

from deeplab.files import read_tail
from deeplab.inference.manifest import Row
from web.actions import submission
from web.api.requests import read_body, read_choice, read_number
from web.context import current_settings, reading, writing
from web.results.segmentation import item_key, load_results
from worker.jobs import jobs, storage
from worker.jobs.catalog import KINDS, STATES
from worker.jobs.job_json import history_as_json, job_as_json, whole_job_as_json
from worker.jobs.jobs import Job
from worker.jobs.plain_json import as_json
from worker.jobs.requests.specs import SpecError, parse_spec

_LARGEST_PAGE = 500
_LARGEST_TAIL = 2**20


def list_jobs() -> dict[str, Any]:
    """GET /jobs?kind=&state=&before=&limit=: jobs, newest first; `next_before` continues the list."""
    kind, state = read_choice("kind", KINDS), read_choice("state", STATES)
    before, limit = read_number("before", None), read_number("limit", 50, _LARGEST_PAGE) or 1
    with reading() as session:
        found = jobs.list_jobs(session, kind=kind, state=state, before=before, limit=limit + 1)
        counts = jobs.count_by_state(session, kind)
    next_before = found[limit - 1].id if len(found) > limit else None
    return {"jobs": [job_as_json(job) for job in found[:limit]], "next_before": next_before, "counts": counts}


def submit_job() -> tuple[Response, int, dict[str, str]]:
    """POST /jobs {"kind", fields of that kind}: the queued job; `notice` if the broker is down."""
    body = read_body()
    kind = body.pop("kind", None)
    if not isinstance(kind, str):
        raise SpecError({"kind": f"must be one of {', '.join(KINDS)}, got {kind!r}."})
    return _created(*submission.submit(current_settings(), parse_spec(kind, body)))


def show_job(job_id: int) -> dict[str, Any]:
    """GET /jobs/<id>: the job with its evaluation, the trials of a grid search, checkpoints, history and events."""
    with reading() as session:
        return whole_job_as_json(session, jobs.get(session, job_id))


def cancel_job(job_id: int) -> dict[str, Any]:
    """POST /jobs/<id>/cancel {}: the job; a running one ends a few seconds later."""
    read_body()
    with writing() as session:
        return job_as_json(jobs.cancel(session, job_id))


def retry_job(job_id: int) -> tuple[Response, int, dict[str, str]]:
    """POST /jobs/<id>/retry {}: the new job."""
    read_body()
    return _created(*submission.retry(current_settings(), job_id))


def clone_job(job_id: int) -> tuple[Response, int, dict[str, str]]:
    """POST /jobs/<id>/clone {fields to change}: the new job."""
    return _created(*submission.clone(current_settings(), job_id, read_body()))


def show_log(job_id: int) -> dict[str, Any]:
    """GET /jobs/<id>/log?bytes=: the end of the last attempt's log."""
    n_bytes = read_number("bytes", 16_384, _LARGEST_TAIL) or 0
    with reading() as session:
        job = jobs.get(session, job_id)
    path = storage.log_path(current_settings(), job_id, job.fence)
    return {"fence": job.fence, "log": read_tail(path, n_bytes) if job.fence else ""}


def list_events(job_id: int) -> dict[str, Any]:
    """GET /jobs/<id>/events: what happened to it, and the `history` of its attempts, oldest first."""
    with reading() as session:
        jobs.get(session, job_id)
        return history_as_json(session, job_id)


def list_items(job_id: int) -> dict[str, Any]:
    """GET /jobs/<id>/items?only=errors&offset=&limit=: the images that a segment job has finished so far, by path."""
    only = read_choice("only", ("errors",))
    offset, limit = read_number("offset", 0) or 0, read_number("limit", 100, _LARGEST_PAGE) or 1
    with reading() as session:
        job = jobs.get(session, job_id)
        if job.kind != "segment":
            raise jobs.JobStateError(f"Job {job_id} is a {job.kind} job; only segment jobs have items.")
        results = load_results(session, current_settings(), job)
    rows = results.errors if only else results.rows
    return {
        "items": [_item_as_json(row) for row in rows[offset : offset + limit]],
        "n_items": len(rows),
        "n_errors": len(results.errors),
        "next_offset": offset + limit if offset + limit < len(rows) else None,
    }


def _item_as_json(row: Row) -> dict[str, Any]:
    """An image of a segment job; `key` names it in /jobs/<id>/images/<key> and /jobs/<id>/masks/<key>."""
    return {"key": item_key(row.path), **as_json(row)}


def _created(job: Job, notice: str | None) -> tuple[Response, int, dict[str, str]]:
    location = url_for("api.show_job", job_id=job.id)
    body = job_as_json(job) | ({} if notice is None else {"notice": notice})
    return jsonify(body), 201, {"Location": location}
