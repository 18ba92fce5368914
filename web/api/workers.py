"""Workers over the API."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from web.api.requests import Limit, Number, Query
from web.context import reading
from worker.jobs import workers
from worker.jobs.workers import Worker


class WorkersQuery(Query):
    """Which workers."""

    after: Number = Field(0, description="`next_after` of another answer, whose list this one continues.")
    limit: Limit = 100


@dataclass(frozen=True)
class WorkerPage:
    """Some workers, live ones first."""

    workers: Sequence[Worker]
    next_after: int | None  # continues the list; None at its end


def list_workers(query: WorkersQuery) -> WorkerPage:
    """List workers, live ones first."""
    with reading() as session:
        found = workers.list_workers(session)
    ids = [each.id for each in found]
    first = ids.index(query.after) + 1 if query.after in ids else 0
    page = found[first : first + query.limit]
    return WorkerPage(page, page[-1].id if first + query.limit < len(found) else None)
