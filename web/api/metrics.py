"""The metrics of a job over the API: thinned for a chart, or every value."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from flask import Response, stream_with_context
from pydantic import Field

from web.api.requests import Number, Query
from web.context import reading
from worker.jobs import jobs
from worker.jobs.catalog import LARGEST_INTEGER, State
from worker.jobs.records import metrics

_PART = 5000  # values that are read at a time
_MOST_POINTS = 10_000


class MetricsQuery(Query):
    """Which metrics, and what of them."""

    name: tuple[str, ...] = Field((), description="Names of metrics; by default all but those of resources.")
    after: Number | None = Field(None, description="Only values of later iterations.")
    until: Number = Field(LARGEST_INTEGER, description="Only values of iterations up to this one.")
    points: Annotated[int, Field(ge=3, le=_MOST_POINTS)] | None = Field(
        None,
        description="Thins each metric to so many values, among them the lowest and the highest of each stretch;"
        " by default every value is sent.",
    )


@dataclass(frozen=True)
class Metrics:
    """Metrics of a job."""

    state: State
    metrics: Mapping[str, Sequence[Sequence[float | None]]]  # [[iteration, value], ...] by name


def list_metrics(job_id: int, query: MetricsQuery) -> Metrics | Response:
    """List the metrics of a job, each as [iteration, value] in the order of the iterations."""
    behind = -1 if query.after is None else query.after
    with reading() as session:
        state = jobs.get(session, job_id).state
        if query.points is not None:
            return Metrics(state, metrics.list_metrics(session, job_id, query.name, behind, query.until, query.points))
    parts = stream_with_context(_stream(state, job_id, query.name, behind, query.until))
    return Response(parts, mimetype="application/json")


def _stream(state: str, job_id: int, names: Sequence[str], after: int, until: int) -> Iterator[str]:
    """The same object as text, part by part: no transaction stays open while a slow reader takes it."""
    yield f'{{"state": {json.dumps(state)}, "metrics": {{'
    behind: metrics.Value | None = None
    while True:
        with reading() as session:
            values = metrics.read_values(session, job_id, names, after, until, behind=behind, limit=_PART)
        if not values:
            break
        yield "".join(_texts(values, behind))
        behind = values[-1]
    yield "]}}\n" if behind else "}}\n"


def _texts(values: Sequence[metrics.Value], behind: metrics.Value | None) -> Iterator[str]:
    """Each value as text, with what opens and closes the list of its metric."""
    name_before = None if behind is None else behind[0]
    for name, iteration, value in values:
        if name != name_before:
            yield f"{'' if name_before is None else '], '}{json.dumps(name)}: ["
        else:
            yield ", "
        yield f"[{iteration}, {value if math.isfinite(value) else 'null'}]"
        name_before = name
