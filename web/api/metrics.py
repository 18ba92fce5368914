"""The metrics of a job over the API: thinned for a chart, or every value."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from flask import Response, request, stream_with_context

from web.api.requests import read_number, require_known
from web.context import reading
from worker.jobs import jobs
from worker.jobs.catalog import LARGEST_INTEGER
from worker.jobs.plain_json import as_json
from worker.jobs.records import metrics

_PART = 5000  # values that are read at a time
_MOST_POINTS = 10_000


def list_metrics(job_id: int) -> dict[str, Any] | Response:
    """GET /jobs/<id>/metrics?name=&after=&until=&points=: {"metrics": {name: [[iteration, value], ...]}}.

    `points` (3 or more) thins each metric to so many values, among them the lowest and the highest of each stretch;
    without it, every value is sent.
    """
    require_known("name", "after", "until", "points")
    names = request.args.getlist("name")
    after, until = read_number("after", None), read_number("until", LARGEST_INTEGER)
    points = read_number("points", None, _MOST_POINTS, smallest=3)
    behind = -1 if after is None else after
    with reading() as session:
        state = jobs.get(session, job_id).state
        if points is not None:
            thinned = metrics.list_metrics(session, job_id, names, behind, until, points)
            return {"state": state, "metrics": as_json(thinned)}
    parts = stream_with_context(_stream(state, job_id, names, behind, until))
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
