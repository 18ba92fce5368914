"""Search over the API."""

from pydantic import Field

from web.api.requests import Limit, Query
from web.context import reading
from worker.jobs.watching.search import Findings, search


class SearchQuery(Query):
    """What to look for."""

    q: str = Field("", description="A text in any case, or an id.")
    limit: Limit = 10


def find(query: SearchQuery) -> Findings:
    """Look for a text in the names, notes, tags and ids of jobs, datasets, checkpoints and experiments."""
    with reading() as session:
        return search(session, query.q, query.limit)
