"""What jobs have left of each image, over the API."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from flask import request
from pydantic import Field
from pydantic.config import JsonDict

from web.api.requests import Limit, Query
from web.errors import QueryError
from web.results.lookup import find_results
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.results.answers import ClassInImage, Image
from worker.jobs.results.filters import SORTS
from worker.jobs.results.questions import read_question

_CLASS: JsonDict = {"items": {"type": "integer", "minimum": 0, "maximum": 255}}
_PERCENT: JsonDict = {"type": "number", "minimum": 0, "maximum": 100}


class ItemsQuery(Query):
    """Which images, in what order. The values are read by `worker.jobs.results.questions`, as those of the gallery."""

    class_: tuple[str, ...] = Field(
        (),
        alias="class",
        description="Indices of classes; all of them were found in the image.",
        json_schema_extra=_CLASS,
    )
    in_truth: str | None = Field(None, description="Given: the classes are looked for in the ground truth instead.")
    min_share: str | None = Field(
        None, description="At least so many percent of the image are the first class.", json_schema_extra=_PERCENT
    )
    max_share: str | None = Field(None, description="At most so many.", json_schema_extra=_PERCENT)
    min_confidence: str | None = Field(
        None, description="The model is at least so sure, in percent.", json_schema_extra=_PERCENT
    )
    max_confidence: str | None = Field(None, description="At most so sure.", json_schema_extra=_PERCENT)
    name: str | None = Field(None, description="A part of the path.")
    folder: str | None = Field(None, description="A folder of the input; the images are in it, at any depth.")
    only: str | None = Field(None, description="errors: what failed.", json_schema_extra={"enum": ["errors"]})
    true: str | None = Field(None, description="With `predicted`: pixels of this class ...")
    predicted: str | None = Field(None, description="... were taken for this one.")
    sort: str = Field("name", json_schema_extra={"enum": list(SORTS)})
    cursor: str | None = Field(None, description="`next_cursor` or `previous_cursor` of another answer.")
    limit: Limit = 100


@dataclass(frozen=True, kw_only=True)
class Item:
    """An image or video; `key` names it in the addresses of its files, which are those of the pages."""

    key: str
    path: str
    width: int | None
    height: int | None
    status: str  # ok or error
    error: str
    seconds: float
    frames: int | None  # of a video
    confidence: float | None
    label_quality: float | None
    pixel_accuracy: float | None
    mean_iou: float | None
    classes: Sequence[ClassInImage]


@dataclass(frozen=True)
class ItemPage:
    """Some images of a job."""

    items: Sequence[Item]
    n_items: int  # that fit the query
    n_errors: int  # images of the job that failed
    next_cursor: str | None
    previous_cursor: str | None


def list_items(job_id: int, query: ItemsQuery) -> ItemPage:
    """List what a job has left of each image so far.

    Files of an item lie outside of the API: `/jobs/<id>/images/<key>` and `/jobs/<id>/masks/<key>?download=1`; of a
    video `/jobs/<id>/videos/<key>`, which is the labelled one, `/jobs/<id>/masks/<key>?frame=<number>` and
    `/jobs/<id>/frames/<key>.csv`.
    """
    try:
        question = read_question({name: each for name, each in request.args.lists() if name != "limit"})
    except SpecError as error:
        raise QueryError(error.fields) from None
    _, results = find_results(job_id)
    page = results.page(question.wanted, question.sort, question.cursor, query.limit)
    classes = results.classes_of(page.images)
    return ItemPage(
        [_item(image, classes[image.key]) for image in page.images],
        results.count(question.wanted),
        results.summarize().n_errors,
        page.following,
        page.previous,
    )


def _item(image: Image, classes: Sequence[ClassInImage]) -> Item:
    known = {field.name: getattr(image, field.name) for field in fields(Item) if field.name != "classes"}
    return Item(**known, classes=classes)
