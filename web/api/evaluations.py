"""Evaluations over the API."""

from typing import Any

from web.context import reading
from worker.jobs.plain_json import as_json
from worker.jobs.records import evaluations


def list_evaluations() -> dict[str, Any]:
    """GET /evaluations: evaluations, newest first."""
    with reading() as session:
        return {"evaluations": as_json(evaluations.list_evaluations(session))}
