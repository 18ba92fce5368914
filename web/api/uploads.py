"""Uploads over the API."""

from typing import Any

from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from web.access.uploads import largest_file
from web.actions.uploading import receive_file
from web.api.requests import require_known
from web.context import current_settings
from web.errors import QueryError
from worker.jobs.plain_json import as_json


def upload_file() -> tuple[dict[str, Any], int]:
    """POST /uploads?name=model.pth: keeps the file in the body until a job takes it; requests name it upload:<id>.

    The body is the file itself, as `Content-Type: application/octet-stream`; DEEPLAB_UPLOAD_MB bounds it.
    """
    require_known("name")
    if request.mimetype != "application/octet-stream":  # which a foreign page cannot send unasked
        raise UnsupportedMediaType("Send the file itself as Content-Type: application/octet-stream.")
    name = request.args.get("name", "").strip()
    if not name:
        raise QueryError({"name": "is required: the name of the file."})
    upload = receive_file(current_settings(), name, request.stream, most=largest_file())
    return {**as_json(upload)}, 201
