"""Uploads over the API: begun, sent part by part, and finished, for an import job to take."""

from dataclasses import asdict
from typing import Any

from flask import Response, jsonify, request
from werkzeug.exceptions import UnsupportedMediaType

from web.api.requests import read_body, read_number, require_known
from web.context import LARGEST_REQUEST, current_settings
from worker.jobs import uploads
from worker.jobs.requests.specs import SpecError

_LARGEST_OFFSET = 2**53  # bytes; the largest whole number that every JSON has
_BINARY = "application/octet-stream"


def begin_upload() -> tuple[Response, int]:
    """POST /uploads {"n_files", "n_bytes"}: the `id` of an upload of so many, and the `part_bytes` of each part."""
    body = read_body()
    wrong = {name: "is not a field of an upload." for name in body if name not in {"n_files", "n_bytes"}}
    for name in ("n_files", "n_bytes"):
        if type(body.get(name)) is not int or body[name] < 1:
            wrong[name] = f"must be a whole number from 1, got {body.get(name)!r}."
    if wrong:
        raise SpecError(wrong)
    begun = uploads.begin(current_settings(), body["n_files"], body["n_bytes"])
    return jsonify({**asdict(begun), "part_bytes": LARGEST_REQUEST}), 201


def send_part(upload_id: str) -> dict[str, Any]:
    """PUT /uploads/<id>?name=&offset=: bytes of a file, behind those that are there; the `size` of the file then."""
    require_known("name", "offset")
    if request.mimetype != _BINARY:
        raise UnsupportedMediaType(f"The body must be {_BINARY}.")
    name, offset = request.args.get("name", ""), read_number("offset", 0, _LARGEST_OFFSET)
    return {"size": uploads.append(current_settings(), upload_id, name, offset, request.get_data(cache=False))}


def finish_upload(upload_id: str) -> dict[str, Any]:
    """POST /uploads/<id>/finish {}: the upload, which a job of kind import takes as its source upload:ID."""
    read_body()
    return asdict(uploads.finish(current_settings(), upload_id))


def discard_upload(upload_id: str) -> dict[str, Any]:
    """DELETE /uploads/<id>: deletes it, finished or not."""
    require_known()
    uploads.discard(current_settings(), upload_id)
    return {"discarded": upload_id}
