"""Datasets over the API."""

from typing import Any

from flask import Response, jsonify

from web.actions.dataset_check import check
from web.actions.registration import register
from web.api.requests import read_body, require_known
from web.context import current_settings, reading, signed_in
from worker.jobs import datasets
from worker.jobs.plain_json import as_json
from worker.jobs.requests.specs import SpecError


def list_datasets() -> dict[str, Any]:
    """GET /datasets: datasets, by name."""
    require_known()
    with reading() as session:
        return {"datasets": as_json(datasets.list_datasets(session))}


def register_dataset() -> tuple[Response, int]:
    """POST /datasets {"name", "root", "labels" (optional)}: the dataset, and what is passed over."""
    body = read_body()
    wrong = {name: f"must be text, got {body[name]!r}." for name in body if not isinstance(body[name], str)}
    unknown = {name: "is not a field of a dataset." for name in body if name not in {"name", "root", "labels"}}
    if wrong or unknown:
        raise SpecError(wrong | unknown)
    name, root, labels = body.get("name", ""), body.get("root", ""), body.get("labels")
    dataset, folder = register(current_settings(), name, root, labels, user_id=signed_in().user_id)
    return jsonify({**as_json(dataset), "passed_over": folder.passed_over, "other_texts": folder.other_texts}), 201


def check_dataset(name: str) -> dict[str, Any]:
    """POST /datasets/<name>/check {}: what `deeplab dataset check --json` says, of what ten seconds allow to read."""
    read_body()
    return check(name).as_json()
