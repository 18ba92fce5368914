"""Checkpoints over the API."""

from typing import Any

from web.context import reading
from worker.jobs.plain_json import as_json
from worker.jobs.records import checkpoints


def list_checkpoints() -> dict[str, Any]:
    """GET /checkpoints: checkpoints, newest first."""
    with reading() as session:
        return {"checkpoints": as_json(checkpoints.list_checkpoints(session))}
