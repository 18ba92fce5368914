"""Everything that is not a job over the API."""

from importlib.metadata import version
from typing import Any

from flask import Response, jsonify, request

from web.access.folders import CONFIG_SUFFIXES, list_folder, list_roots, shipped_configs
from web.actions.registration import register
from web.api.shapes import read_body
from web.context import current_settings, reading
from worker.jobs import datasets, jobs, workers
from worker.jobs.plain_json import as_json
from worker.jobs.records import checkpoints, evaluations
from worker.jobs.specs import SpecError


def health() -> dict[str, Any]:
    """GET /health: 200 if the database answers and has its tables, else 503."""
    with reading() as session:
        counts = jobs.count_by_state(session)
        alive = [worker.name for worker in workers.list_workers(session) if worker.alive]
    return {"status": "ok", "version": version("deeplab-platform"), "jobs": counts, "workers": alive}


def list_checkpoints() -> dict[str, Any]:
    """GET /checkpoints: the newest first."""
    with reading() as session:
        return {"checkpoints": as_json(checkpoints.list_checkpoints(session))}


def list_evaluations() -> dict[str, Any]:
    """GET /evaluations: the newest first."""
    with reading() as session:
        return {"evaluations": as_json(evaluations.list_evaluations(session))}


def list_workers() -> dict[str, Any]:
    """GET /workers: those that are alive first."""
    with reading() as session:
        return {"workers": as_json(workers.list_workers(session))}


def list_datasets() -> dict[str, Any]:
    """GET /datasets: by name."""
    with reading() as session:
        return {"datasets": as_json(datasets.list_datasets(session))}


def register_dataset() -> tuple[Response, int]:
    """POST /datasets {"name", "root", "labels" (optional)}: the dataset."""
    body = read_body()
    wrong = {name: f"must be text, got {body[name]!r}." for name in body if not isinstance(body[name], str)}
    unknown = {name: "is not a field of a dataset." for name in body if name not in {"name", "root", "labels"}}
    if wrong or unknown:
        raise SpecError(wrong | unknown)
    dataset = register(current_settings(), body.get("name", ""), body.get("root", ""), body.get("labels"))
    return jsonify(as_json(dataset)), 201


def list_folders() -> dict[str, Any]:
    """GET /folders?path=: folders and configurations under a data root; without ?path= the roots."""
    path = request.args.get("path")
    settings = current_settings()
    listing = list_folder(settings, path, CONFIG_SUFFIXES) if path else list_roots(settings)
    return {**as_json(listing), "shipped_configs": [] if path else as_json(shipped_configs())}
