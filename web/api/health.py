"""Whether the platform is up."""

from importlib.metadata import version
from typing import Any

from web.context import current_identity, reading
from worker.jobs import workers
from worker.jobs.watching.job_list import count_by_state


def health() -> dict[str, Any]:
    """GET /health: 200 if the database answers and has its tables, else 503; more than `status` if you sign in."""
    with reading() as session:
        counts = count_by_state(session)
        alive = [worker.name for worker in workers.list_workers(session) if worker.alive]
    if current_identity() is None:
        return {"status": "ok"}
    return {"status": "ok", "version": version("deeplab-platform"), "jobs": counts, "workers": alive}
