"""Checkpoints over the API."""

from dataclasses import fields
from typing import Any

from flask import Response

from web.actions import checkpoint_file, deletion
from web.api.requests import read_body, read_fields, read_limit, read_number, require_known
from web.context import current_settings, reading, signed_in, writing
from worker.jobs.cleaning import checkpoint_deletion
from worker.jobs.plain_json import as_json
from worker.jobs.records import aliases, checkpoints
from worker.jobs.records.checkpoints import Checkpoint
from worker.jobs.requests.specs import SpecError

_FIELDS = [field.name for field in fields(Checkpoint)]


def list_checkpoints() -> dict[str, Any]:
    """GET /checkpoints?job=&before=&limit=&fields=: checkpoints, newest first; `next_before` continues the list.

    `mean_iou` is that on `split`, which the training validates on, by the network alone; `other_scores` are those on
    other splits and datasets, under other settings and with a CRF.
    """
    require_known("job", "before", "limit", "fields")
    job_id, before = read_number("job", None), read_number("before", None)
    limit = read_limit(50)
    names = read_fields(_FIELDS)
    with reading() as session:
        found = checkpoints.list_checkpoints(session, job_id, limit + 1, before=before)
    lines = [{name: line[name] for name in names or line} for line in as_json(found[:limit])]
    return {"checkpoints": lines, "next_before": found[limit - 1].id if len(found) > limit else None}


def show_checkpoint(name: str) -> dict[str, Any]:
    """GET /checkpoints/<id>: the checkpoint, with the configuration that it was trained with.

    In place of an id, here and below, an alias may stand, or job:ID for the best checkpoint of a job.
    """
    require_known()
    with reading() as session:
        found = aliases.find_checkpoint(session, name)
        return {**as_json(found), "config": as_json(checkpoints.read_config(session, found))}


def edit_checkpoint(name: str) -> dict[str, Any]:
    """PATCH /checkpoints/<id> {"pinned"}: the checkpoint; a pinned one is kept, whatever rules say."""
    body = read_body()
    pinned = body.pop("pinned", None)
    if body or not isinstance(pinned, bool):
        raise SpecError({"pinned": "must be true or false, and is the only field of this request."})
    with writing() as session:
        found = aliases.find_checkpoint(session, name)
        return {**as_json(checkpoints.pin(session, found.id, pinned=pinned))}


def send_checkpoint(name: str) -> Response:
    """GET /checkpoints/<id>/file: the file itself; with a header `Range` a part of it, such as what is missing."""
    require_known()
    with reading() as session:
        found = aliases.find_checkpoint(session, name)
    return checkpoint_file.send(found)


def foresee_checkpoint_deletion(name: str) -> dict[str, Any]:
    """GET /checkpoints/<id>/loss: what deleting it would delete, and a `sentence` about that; 409 if it may not be."""
    require_known()
    with reading() as session:
        loss = checkpoint_deletion.foresee(session, aliases.find_checkpoint(session, name).id)
    return {**as_json(loss), "sentence": str(loss)}


def delete_checkpoint(name: str) -> dict[str, Any]:
    """DELETE /checkpoints/<id>: deletes a checkpoint with its file; 409 while it is pinned, named or used."""
    require_known()
    with reading() as session:
        found = aliases.find_checkpoint(session, name)
    return {**as_json(deletion.delete_checkpoint(current_settings(), found.id, signed_in()))}
