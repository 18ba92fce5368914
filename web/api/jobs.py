"""Jobs over the API."""

from collections.abc import Sequence
from typing import Any

from flask import Response, jsonify, request, url_for

from deeplab.files import read_tail
from web.actions import submission
from web.api.requests import read_body, read_choice, read_number
from web.context import current_settings, reading, writing
from web.results.lookup import find_results
from web.results.questions import read_question
from worker.jobs import jobs, storage
from worker.jobs.catalog import KINDS, STATES
from worker.jobs.job_json import history_as_json, job_as_json, whole_job_as_json
from worker.jobs.jobs import Job
from worker.jobs.plain_json import as_json
from worker.jobs.records import metrics
from worker.jobs.requests.specs import SpecError, parse_spec
from worker.jobs.results.answers import ClassInImage, Image

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
    """GET /jobs/<id>: the job with evaluation, trials, checkpoints, history and events; `obstacle`: why it waits."""
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


def list_metrics(job_id: int) -> dict[str, Any]:
    """GET /jobs/<id>/metrics?name=&after=: {"metrics": {name: [[iteration, value], ...]}}."""
    after = read_number("after", None)
    with reading() as session:
        job = jobs.get(session, job_id)
        series = metrics.list_metrics(session, job_id, request.args.getlist("name"), -1 if after is None else after)
    return {"state": job.state, "metrics": as_json(series)}


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
    """GET /jobs/<id>/items?class=&only=errors&sort=&cursor=&limit=: what a job has left of each image so far."""
    limit = read_number("limit", 100, _LARGEST_PAGE) or 1
    question = read_question(request.args)
    _, results = find_results(job_id)
    page = results.page(question.wanted, question.sort, question.cursor, limit)
    classes = results.classes_of(page.images)
    return {
        "items": [_item_as_json(image, classes[image.key]) for image in page.images],
        "n_items": results.count(question.wanted),
        "n_errors": results.summarize().n_errors,
        "next_cursor": page.following,
        "previous_cursor": page.previous,
    }


def _item_as_json(image: Image, classes: Sequence[ClassInImage]) -> dict[str, Any]:
    """An image or video; `key` names it in the addresses of its files, which are those of the pages."""
    fields = as_json(image)
    return {**{name: value for name, value in fields.items() if name != "file"}, "classes": as_json(classes)}


def _created(job: Job, notice: str | None) -> tuple[Response, int, dict[str, str]]:
    location = url_for("api.show_job", job_id=job.id)
    body = job_as_json(job) | ({} if notice is None else {"notice": notice})
    return jsonify(body), 201, {"Location": location}
