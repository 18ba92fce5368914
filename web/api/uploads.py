"""Uploads over the API."""

from typing import IO, Annotated

from flask import url_for
from pydantic import Field

from web.access.uploads import largest_file
from web.actions.uploading import receive_file
from web.api.endpoint import Created
from web.api.requests import Query
from web.context import current_settings
from worker.jobs.uploads import Upload


class UploadQuery(Query):
    """What the file is called."""

    name: Annotated[str, Field(min_length=1, max_length=200, description="Of the file, such as model.pth.")]


def upload_file(query: UploadQuery, content: IO[bytes]) -> Created[Upload]:
    """Keep a file until a job takes it, whose request names it upload:ID.

    The body is the file itself; `DEEPLAB_UPLOAD_MB` bounds it. What no job takes is deleted after a day.
    """
    upload = receive_file(current_settings(), query.name, content, most=largest_file())
    return Created(upload, url_for("api.submit_job"))
