"""Workers over the API."""

from typing import Any

from web.api.requests import require_known
from web.context import reading
from worker.jobs import workers
from worker.jobs.plain_json import as_json


def list_workers() -> dict[str, Any]:
    """GET /workers: workers, live ones first."""
    require_known()
    with reading() as session:
        return {"workers": as_json(workers.list_workers(session))}
