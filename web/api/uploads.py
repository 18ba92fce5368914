"""Uploads over the API: begun, sent part by part, and finished, for an import job to take."""

from dataclasses import dataclass
from typing import Annotated

from flask import url_for
from pydantic import Field

from web.api.endpoint import Created
from web.api.requests import Body, Nothing, Query
from web.context import LARGEST_REQUEST, current_settings
from worker.jobs import uploads
from worker.jobs.uploads import Upload

_LARGEST = 2**53  # bytes; the largest whole number that every JSON has

Count = Annotated[int, Field(strict=True, ge=1, le=_LARGEST)]


class UploadPlan(Body):
    """What is to be uploaded."""

    n_files: Count = Field(description="How many files.")
    n_bytes: Count = Field(description="How many bytes they have together.")


@dataclass(frozen=True, kw_only=True)
class BegunUpload(Upload):
    """An upload on its way."""

    part_bytes: int  # that each part may have


class PartQuery(Query):
    """Where a part goes."""

    name: str = Field(description="The name of the file, with the folders that it lies in.")
    offset: Annotated[int, Field(ge=0, le=_LARGEST)] = Field(0, description="Where in the file the part begins.")


@dataclass(frozen=True)
class Sent:
    """A file as far as it has come."""

    size: int  # bytes


@dataclass(frozen=True)
class Discarded:
    """An upload that is gone."""

    discarded: str  # its id


def begin_upload(body: UploadPlan) -> Created[BegunUpload]:
    """Begin to upload files, or an archive, for a job of kind import."""
    begun = uploads.begin(current_settings(), body.n_files, body.n_bytes)
    return Created(BegunUpload(**vars(begun), part_bytes=LARGEST_REQUEST), url_for("api.send_part", upload_id=begun.id))


def send_part(upload_id: str, query: PartQuery, content: bytes) -> Sent:
    """Send bytes of a file, from where it ends so far, or from before; a part may be sent again."""
    return Sent(uploads.append(current_settings(), upload_id, query.name, query.offset, content))


def finish_upload(upload_id: str, body: Nothing) -> Upload:
    """Finish an upload, which a job of kind import then takes as its source upload:ID."""
    return uploads.finish(current_settings(), upload_id)


def discard_upload(upload_id: str) -> Discarded:
    """Delete an upload, finished or not."""
    uploads.discard(current_settings(), upload_id)
    return Discarded(upload_id)
