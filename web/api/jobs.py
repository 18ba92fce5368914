"""Jobs over the API."""

from typing import Any

from flask import Response, jsonify, request, url_for

from deeplab.files import read_tail
from deeplab.inference.manifest import Row
from web.actions import bulk, cancellation, submission
from web.api.requests import read_body, read_choice, read_fields, read_number, require_known
from web.context import current_settings, reading, signed_in, writing
from web.results.segmentation import item_key, load_results
from worker.jobs import job_list, jobs, storage
from worker.jobs.catalog import KINDS, LARGEST_INTEGER, STATES
from worker.jobs.job_json import history_as_json, job_as_json, whole_job_as_json
from worker.jobs.job_list import FIELDS, JobFilter, count_by_state, list_fields
from worker.jobs.jobs import Job
from worker.jobs.plain_json import as_json
from worker.jobs.requests.label import Label, parse_label
from worker.jobs.requests.specs import SpecError, parse_spec

_LARGEST_PAGE = 500
_LARGEST_TAIL = 2**20


def list_jobs() -> dict[str, Any]:
    """GET /jobs?kind=&state=&dataset=&user=&search=&before=&limit=&fields=: jobs, newest first.

    `next_before` continues. `search` looks into name, notes, dataset, error and id. `fields`, such as id,state,config,
    chooses what each job has; without it, all but notes and config.
    """
    require_known("kind", "state", "dataset", "user", "search", "before", "limit", "fields")
    search = request.args.get("search", "")
    dataset, user = request.args.get("dataset"), request.args.get("user")
    wanted = JobFilter(read_choice("kind", KINDS), read_choice("state", STATES), dataset, search, user)
    before, limit = read_number("before", None), read_number("limit", 50, _LARGEST_PAGE, smallest=1)
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
    """POST /jobs {"kind", "name", "notes", fields of that kind}: the queued job; `notice` if the broker is down."""
    body = read_body()
    label = parse_label({name: body.pop(name) for name in Label.model_fields if name in body})
    kind = body.pop("kind", None)
    if not isinstance(kind, str):
        raise SpecError({"kind": f"must be one of {', '.join(KINDS)}, got {kind!r}."})
    return _created(*submission.submit(current_settings(), parse_spec(kind, body), user_id=_user_id(), label=label))


def show_job(job_id: int) -> dict[str, Any]:
    """GET /jobs/<id>: the job with evaluation, trials, checkpoints, history and events; `obstacle`: why it waits."""
    require_known()
    with reading() as session:
        return whole_job_as_json(session, jobs.get(session, job_id))


def edit_job(job_id: int) -> dict[str, Any]:
    """PATCH /jobs/<id> {"name", "notes"}: the job; what is left out stays as it is."""
    changes = read_body()
    with writing() as session:
        job = jobs.get(session, job_id)
        return job_as_json(
            jobs.relabel(session, job_id, parse_label({"name": job.name, "notes": job.notes, **changes}))
        )


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


def retry_job(job_id: int) -> tuple[Response, int, dict[str, str]]:
    """POST /jobs/<id>/retry {}: the new job."""
    read_body()
    return _created(*submission.retry(current_settings(), job_id, user_id=_user_id()))


def clone_job(job_id: int) -> tuple[Response, int, dict[str, str]]:
    """POST /jobs/<id>/clone {fields to change}: the new job."""
    return _created(*submission.clone(current_settings(), job_id, read_body(), user_id=_user_id()))


def show_log(job_id: int) -> dict[str, Any]:
    """GET /jobs/<id>/log?bytes=: the end of the last attempt's log."""
    require_known("bytes")
    n_bytes = read_number("bytes", 16_384, _LARGEST_TAIL)
    with reading() as session:
        job = jobs.get(session, job_id)
    path = storage.log_path(current_settings(), job_id, job.fence)
    return {"fence": job.fence, "log": read_tail(path, n_bytes) if job.fence else ""}


def list_events(job_id: int) -> dict[str, Any]:
    """GET /jobs/<id>/events: what happened to it, and the `history` of its attempts, oldest first."""
    require_known()
    with reading() as session:
        jobs.get(session, job_id)
        return history_as_json(session, job_id)


def list_items(job_id: int) -> dict[str, Any]:
    """GET /jobs/<id>/items?only=errors&offset=&limit=: images and videos that a segment job has finished so far."""
    require_known("only", "offset", "limit")
    only = read_choice("only", ("errors",))
    offset, limit = read_number("offset", 0), read_number("limit", 100, _LARGEST_PAGE, smallest=1)
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


def _user_id() -> int | None:
    return signed_in().user_id


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
        raise SpecError({"jobs": f"must be a list of ids of jobs, got {ids!r}."})
    if not 0 < len(ids) <= bulk.MOST:
        raise SpecError({"jobs": f"must have from 1 to {bulk.MOST} ids, got {len(ids)}."})
    return ids


def _bulk_as_json(result: bulk.BulkResult) -> dict[str, Any]:
    notice = {} if result.notice is None else {"notice": result.notice}
    refused = [{"id": job_id, "message": message} for job_id, message in result.refused.items()]
    return {"jobs": [job_as_json(job) for job in result.jobs], "refused": refused, **notice}


def _item_as_json(row: Row) -> dict[str, Any]:
    """An item of a segment job; `key` names it in the addresses of its files, which are those of the pages."""
    return {"key": item_key(row.path), **as_json(row)}


def _created(job: Job, notice: str | None) -> tuple[Response, int, dict[str, str]]:
    location = url_for("api.show_job", job_id=job.id)
    body = job_as_json(job) | ({} if notice is None else {"notice": notice})
    return jsonify(body), 201, {"Location": location}
