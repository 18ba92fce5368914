"""Experiments over the API."""

from typing import Any

from flask import request

from web.api.requests import read_body, read_limit, read_number, require_known
from web.context import reading, writing
from worker.jobs import experiments
from worker.jobs.plain_json import as_json
from worker.jobs.requests.specs import SpecError

_FIELDS = ("name", "notes", "tags")


def list_experiments() -> dict[str, Any]:
    """GET /experiments?search=&before=&limit=: experiments, newest first; `next_before` continues the list."""
    require_known("search", "before", "limit")
    before, limit = read_number("before", None), read_limit(50)
    with reading() as session:
        found = experiments.list_experiments(session, request.args.get("search", ""), before=before, limit=limit + 1)
    return {"experiments": as_json(found[:limit]), "next_before": found[limit - 1].id if len(found) > limit else None}


def show_experiment(experiment_id: int) -> dict[str, Any]:
    """GET /experiments/<id>: the experiment; GET /jobs?experiment=<name> lists its jobs."""
    require_known()
    with reading() as session:
        return {**as_json(experiments.get(session, experiment_id))}


def edit_experiment(experiment_id: int) -> dict[str, Any]:
    """PATCH /experiments/<id> {"name", "notes", "tags"}: the experiment; tags are words with spaces between them."""
    body = read_body()
    wrong = {name: "is not a field of this request." for name in body if name not in _FIELDS}
    wrong |= {name: "must be text." for name in _FIELDS if not isinstance(body.get(name, ""), str)}
    if wrong:
        raise SpecError(wrong)
    with writing() as session:
        return {**as_json(experiments.change(session, experiment_id, **body))}
