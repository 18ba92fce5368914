"""Datasets over the API."""

from dataclasses import asdict
from typing import Any

from flask import Response, jsonify

from deeplab.formats import shortened
from web.actions import registration
from web.actions.dataset_check import check
from web.api.requests import read_body, require_known
from web.context import current_settings, reading, signed_in
from worker.jobs import dataset_versions, datasets
from worker.jobs.dataset_surveys import Surveyed
from worker.jobs.datasets import Dataset
from worker.jobs.plain_json import as_json
from worker.jobs.requests.specs import SpecError

_FIELDS = ("name", "root", "labels", "layout", "category_ids")


def list_datasets() -> dict[str, Any]:
    """GET /datasets: datasets, by name."""
    require_known()
    with reading() as session:
        return {"datasets": as_json(datasets.list_datasets(session))}


def show_dataset(name: str) -> dict[str, Any]:
    """GET /datasets/<name>: the dataset with its `versions`, the newest first, and how many jobs used each."""
    require_known()
    with reading() as session:
        dataset = datasets.get_by_name(session, name)
        versions = dataset_versions.list_versions(session, dataset.id)
        uses = dataset_versions.count_uses(session, dataset.names)
    counted = [{**asdict(each), "n_jobs": uses.get(each.digest, 0)} for each in versions]
    return {**_as_json(dataset), "versions": as_json(counted), "n_jobs": sum(uses.values())}


def register_dataset() -> tuple[Response, int]:
    """POST /datasets {"name", "root"; optional "labels", "layout", "category_ids"}: the dataset, and what is odd."""
    fields = _read_texts(_FIELDS)
    dataset, surveyed = registration.register(
        current_settings(),
        fields.get("name", ""),
        fields.get("root", ""),
        fields.get("labels"),
        layout=fields.get("layout", "folder"),
        category_ids=fields.get("category_ids"),
        user_id=signed_in().user_id,
    )
    return jsonify(_with_notes(dataset, surveyed)), 201


def refresh_dataset(name: str) -> dict[str, Any]:
    """POST /datasets/<name>/refresh {}: the dataset with splits and classes read anew; whether it `is_new_version`."""
    read_body()
    dataset, surveyed, is_new = registration.refresh(current_settings(), name, user_id=signed_in().user_id)
    return {**_with_notes(dataset, surveyed), "is_new_version": is_new}


def rename_dataset(name: str) -> dict[str, Any]:
    """PATCH /datasets/<name> {"name"}: the dataset; it is still found by its former name."""
    fields = _read_texts(("name",))
    return _as_json(registration.rename(current_settings(), name, fields.get("name", ""), signed_in()))


def remove_dataset(name: str) -> dict[str, Any]:
    """DELETE /datasets/<name>: unregisters it; its files stay. Says which jobs refer to it, of many the newest."""
    require_known()
    dataset, uses, n_jobs = registration.remove(current_settings(), name, signed_in())
    return {"removed": dataset.name, "root": dataset.root, "n_jobs": n_jobs, "jobs": [use.job_id for use in uses]}


def check_dataset(name: str) -> dict[str, Any]:
    """POST /datasets/<name>/check {}: what `deeplab dataset check --json` says, of what ten seconds allow to read."""
    read_body()
    return check(name).as_json()


def _read_texts(known: tuple[str, ...]) -> dict[str, str]:
    """Read the fields of a dataset in the body. Raises SpecError for those that are unknown or no text."""
    body = read_body()
    unknown = {name: "is not a field of a dataset." for name in body if name not in known}
    wrong = {name: f"must be text, got {shortened(body[name])}." for name in body if not isinstance(body[name], str)}
    if wrong or unknown:
        raise SpecError(wrong | unknown)
    return body


def _with_notes(dataset: Dataset, surveyed: Surveyed) -> dict[str, Any]:
    folder = surveyed.folder
    return {
        **_as_json(dataset),
        "version": surveyed.version.digest,
        "doubts": surveyed.doubts,
        "passed_over": folder.passed_over,
        "other_texts": folder.other_texts,
    }


def _as_json(dataset: Dataset) -> dict[str, Any]:
    plain: dict[str, Any] = as_json(dataset)
    return plain
