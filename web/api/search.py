"""Search over the API."""

from typing import Any

from flask import request

from web.api.requests import read_limit, require_known
from web.context import reading
from worker.jobs.job_json import job_as_json
from worker.jobs.plain_json import as_json
from worker.jobs.watching.search import search


def find() -> dict[str, Any]:
    """GET /search?q=&limit=: jobs, datasets, checkpoints and experiments with a text in a name, a note or a tag."""
    require_known("q", "limit")
    limit = read_limit(10)
    with reading() as session:
        found = search(session, request.args.get("q", ""), limit)
    return {
        "jobs": [job_as_json(job) for job in found.jobs],
        "datasets": as_json(found.datasets),
        "checkpoints": as_json(found.checkpoints),
        "experiments": as_json(found.experiments),
    }
