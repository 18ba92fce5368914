"""Jobs over the API."""

from collections.abc import Sequence
from typing import Any

from flask import Response, jsonify, request, url_for

from deeplab.formats import shortened
from web.actions import bulk, cancellation, deletion, holding, submission
from web.actions.submission import Submitted
from web.api.requests import read_body, read_choice, read_fields, read_limit, read_number, require_known
from web.context import current_settings, reading, signed_in, writing
from web.errors import QueryError
from web.results.lookup import find_results
from worker.jobs import jobs, presets
from worker.jobs.catalog import KINDS, LARGEST_INTEGER, STATES
from worker.jobs.chained_submission import parse_steps
from worker.jobs.cleaning import deletion as deletion_of_jobs
from worker.jobs.cleaning.deletion import Loss
from worker.jobs.job_json import history_as_json, job_as_json, whole_job_as_json
from worker.jobs.plain_json import as_json
from worker.jobs.requests.label import Label, parse_label
from worker.jobs.requests.specs import SpecError, parse_spec
from worker.jobs.results.answers import ClassInImage, Image
from worker.jobs.results.filters import Filter
from worker.jobs.results.questions import PARAMETERS, read_question
from worker.jobs.watching import attempt_logs, job_list
from worker.jobs.watching.job_list import FIELDS, JobFilter, count_by_state, list_fields

_LARGEST_TAIL = 2**20


def list_jobs() -> dict[str, Any]:
    """GET /jobs?kind=&state=&dataset=&user=&experiment=&search=&before=&limit=&fields=: jobs, newest first.

    `next_before` continues. `search` looks into name, notes, dataset, error and id. `fields`, such as id,state,config,
    chooses what each job has; without it, all but notes and config.
    """
    require_known("kind", "state", "dataset", "user", "experiment", "search", "before", "limit", "fields")
    search = request.args.get("search", "")
    dataset, user = request.args.get("dataset"), request.args.get("user")
    experiment = request.args.get("experiment")
    wanted = JobFilter(read_choice("kind", KINDS), read_choice("state", STATES), dataset, search, user, experiment)
    before, limit = read_number("before", None), read_limit(50)
    names = read_fields(FIELDS)
    with reading() as session:
        if names:
            found = list_fields(session, {"id", *names}, wanted, before=before, limit=limit + 1)
        else:
            listed = job_list.list_jobs(session, wanted, before=before, limit=limit + 1)
            found = [job_as_json(job) for job in listed]
        counts = count_by_state(session, wanted)
    next_before = found[limit - 1]["id"] if len(found) > limit else None
    lines = [{name: line[name] for name in names or line} for line in found[:limit]]
    return {"jobs": as_json(lines), "next_before": next_before, "counts": counts}


def submit_job() -> tuple[Response, int, dict[str, str]]:
    """POST /jobs {"kind", "name", "notes", "experiment", "preset", "then", fields of that kind}: the queued job.

    `preset` stands for the configuration of a training. `then`, such as ["evaluate", "crf"], submits jobs that use what
    the one before makes; an object has the fields of its kind. They are `following`. `notice`: why it waits.
    """
    body = read_body()
    label = parse_label({name: body.pop(name) for name in Label.model_fields if name in body})
    kind, then = body.pop("kind", None), parse_steps(body.pop("then", []))
    if not isinstance(kind, str):
        raise SpecError({"kind": f"must be one of {', '.join(KINDS)}, got {shortened(kind)}."})
    settings, user_id = current_settings(), _user_id()
    request = presets.expand(settings, body, user_id) if kind == "train" else body
    return _created(submission.submit(settings, parse_spec(kind, request), user_id=user_id, label=label, then=then))


def show_job(job_id: int) -> dict[str, Any]:
    """GET /jobs/<id>: the job with evaluation, trials, checkpoints, history and events; `obstacle`: why it waits."""
    require_known()
    with reading() as session:
        return whole_job_as_json(session, current_settings(), jobs.get(session, job_id))


def edit_job(job_id: int) -> dict[str, Any]:
    """PATCH /jobs/<id> {"name", "notes", "experiment", "priority"}: the job; what is left out stays as it is."""
    changes = read_body()
    priority = changes.pop("priority", None)
    with reading() as session:
        job = jobs.get(session, job_id)
    label = parse_label({**job.label, "notes": job.notes, **changes})
    if priority is not None:
        if type(priority) is not int:
            raise SpecError({"priority": f"must be a whole number, got {shortened(priority)}."})
        job = holding.set_priority(current_settings(), job_id, priority, signed_in())
    if changes:
        with writing() as session:
            job = jobs.relabel(session, job_id, label)
    return job_as_json(job)


def foresee_deletion(job_id: int) -> dict[str, Any]:
    """GET /jobs/<id>/loss: what deleting it would delete, and a `sentence` about that; 409 if it may not be deleted."""
    require_known()
    with reading() as session:
        return _loss_as_json(deletion_of_jobs.foresee(session, job_id))


def delete_job(job_id: int) -> dict[str, Any]:
    """DELETE /jobs/<id>: deletes a job that has ended, with its files; 409 while others refer to what it made."""
    require_known()
    return _loss_as_json(deletion.delete(current_settings(), job_id, signed_in()))


def cancel_jobs() -> dict[str, Any]:
    """POST /jobs/cancel {"jobs": [ids]}: the jobs that are cancelled or about to be, and why others were `refused`."""
    return _bulk_as_json(bulk.cancel(current_settings(), _read_ids(), signed_in()))


def retry_jobs() -> dict[str, Any]:
    """POST /jobs/retry {"jobs": [ids]}: the new jobs, and why others were `refused`."""
    return _bulk_as_json(bulk.retry(current_settings(), _read_ids(), signed_in()))


def cancel_job(job_id: int) -> dict[str, Any]:
    """POST /jobs/<id>/cancel {}: the job; a running one ends a few seconds later."""
    read_body()
    return job_as_json(cancellation.cancel(current_settings(), job_id, signed_in()))


def pause_job(job_id: int) -> dict[str, Any]:
    """POST /jobs/<id>/pause {}: the job, on hold; a running one goes back to the queue a few seconds later."""
    read_body()
    return job_as_json(holding.pause(current_settings(), job_id, signed_in()))


def resume_job(job_id: int) -> dict[str, Any]:
    """POST /jobs/<id>/resume {}: the job, no longer on hold."""
    read_body()
    return job_as_json(holding.resume(current_settings(), job_id, signed_in()))


def retry_job(job_id: int) -> tuple[Response, int, dict[str, str]]:
    """POST /jobs/<id>/retry {"failed" (optional)}: the new job; "failed": true: of what failed in a segment job."""
    body = read_body()
    failed = body.pop("failed", False)
    if body or not isinstance(failed, bool):
        raise SpecError({"failed": "must be true or false, and is the only field of this request."})
    again = submission.retry_failed if failed else submission.retry
    return _created(again(current_settings(), job_id, user_id=_user_id()))


def clone_job(job_id: int) -> tuple[Response, int, dict[str, str]]:
    """POST /jobs/<id>/clone {fields to change}: the new job."""
    return _created(submission.clone(current_settings(), job_id, read_body(), user_id=_user_id()))


def show_log(job_id: int) -> dict[str, Any]:
    """GET /jobs/<id>/log?attempt=&bytes=: the end of the log of an attempt, by its fence; by default of the last."""
    require_known("attempt", "bytes")
    n_bytes, attempt = read_number("bytes", 16_384, _LARGEST_TAIL), read_number("attempt", None)
    with reading() as session:
        job = jobs.get(session, job_id)
    log = attempt_logs.log_of(current_settings(), job, attempt)
    if log is None and attempt is not None:
        raise QueryError({"attempt": f"must be from 1 to {job.fence}, got {attempt}."})
    return {"fence": job.fence if attempt is None else attempt, "log": attempt_logs.read_end(log, n_bytes)}


def list_events(job_id: int) -> dict[str, Any]:
    """GET /jobs/<id>/events: what happened to it, and the `history` of its attempts, oldest first."""
    require_known()
    with reading() as session:
        jobs.get(session, job_id)
        return history_as_json(session, job_id)


def list_items(job_id: int) -> dict[str, Any]:
    """GET /jobs/<id>/items?class=&only=errors&sort=&cursor=&limit=: what a job has left of each image so far."""
    require_known(*PARAMETERS, "limit")
    limit = read_limit(100)
    try:
        question = read_question(request.args.to_dict(flat=False))
    except SpecError as error:
        raise QueryError(error.fields) from None
    _, results = find_results(job_id)
    page = results.page(question.wanted, question.sort, question.cursor, limit)
    classes = results.classes_of(page.images)
    return {
        "items": [_item_as_json(image, classes[image.key]) for image in page.images],
        "n_items": results.count(question.wanted),
        "n_errors": results.count(Filter(status="error")),
        "next_cursor": page.following,
        "previous_cursor": page.previous,
    }


def _loss_as_json(loss: Loss) -> dict[str, Any]:
    return {**as_json(loss), "sentence": str(loss)}


def _user_id() -> int | None:
    return signed_in().user_id


def _item_as_json(image: Image, classes: Sequence[ClassInImage]) -> dict[str, Any]:
    """An image or video; `key` names it in the addresses of its files, which are those of the pages."""
    fields = as_json(image)
    return {**{name: value for name, value in fields.items() if name != "file"}, "classes": as_json(classes)}


def _read_ids() -> list[int]:
    """Read {"jobs": [1, 2]}.

    Raises:
        SpecError: if it is something else.
    """
    body = read_body()
    if unknown := [name for name in body if name != "jobs"]:
        raise SpecError(dict.fromkeys(unknown, "is not a field of this request."))
    ids = body.get("jobs")
    if not isinstance(ids, list) or not all(type(each) is int and 0 < each <= LARGEST_INTEGER for each in ids):
        raise SpecError({"jobs": f"must be a list of ids of jobs, got {shortened(ids)}."})
    if not 0 < len(ids) <= bulk.MOST:
        raise SpecError({"jobs": f"must have from 1 to {bulk.MOST} ids, got {len(ids)}."})
    return ids


def _bulk_as_json(result: bulk.BulkResult) -> dict[str, Any]:
    notice = {} if result.notice is None else {"notice": result.notice}
    refused = [{"id": job_id, "message": message} for job_id, message in result.refused.items()]
    return {"jobs": [job_as_json(job) for job in result.jobs], "refused": refused, **notice}


def _created(submitted: Submitted) -> tuple[Response, int, dict[str, str]]:
    location = url_for("api.show_job", job_id=submitted.job.id)
    body = job_as_json(submitted.job)
    if submitted.notice is not None:
        body["notice"] = submitted.notice
    if submitted.following:
        body["following"] = [job_as_json(job) for job in submitted.following]
    return jsonify(body), 201, {"Location": location}
