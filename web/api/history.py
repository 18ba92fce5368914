"""What happened to a job, over the API: its events, attempts and logs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from web.api.requests import Limit, Number, Query
from web.context import current_settings, reading
from web.errors import QueryError
from worker.jobs import jobs
from worker.jobs.jobs import Attempt
from worker.jobs.records import events
from worker.jobs.records.events import Event
from worker.jobs.watching import attempt_logs
from worker.jobs.watching.attempt_logs import NoSuchAttemptError

_LARGEST_TAIL = 2**20


class EventsQuery(Query):
    """Which events."""

    after: Number = Field(0, description="`next_after` of another answer, whose list this one continues.")
    limit: Limit = 100


@dataclass(frozen=True)
class EventPage:
    """Some events of a job, and its attempts; oldest first."""

    events: Sequence[Event]
    next_after: int | None  # continues the list of events; None at its end
    history: Sequence[Attempt]


class LogQuery(Query):
    """Which part of which log."""

    attempt: Number | None = Field(None, description="The attempt, by its fence; by default the last one.")
    after: Number | None = Field(None, description="The byte to begin at; by default the end of the log is sent.")
    bytes: Annotated[int, Field(ge=0, le=_LARGEST_TAIL)] = Field(16_384, description="At most so many are sent.")


@dataclass(frozen=True)
class LogEnd:
    """The last complete lines of the log of an attempt, or a part of it."""

    fence: int  # of the attempt; 0 before the first
    log: str
    until: int  # the byte behind it, as `after` of the next request


def list_events(job_id: int, query: EventsQuery) -> EventPage:
    """List what happened to a job, oldest first, and its attempts."""
    with reading() as session:
        jobs.get(session, job_id)
        found = events.list_events(session, job_id, after=query.after, limit=query.limit + 1)
        attempts = jobs.list_attempts(session, job_id)
    has_more = len(found) > query.limit
    return EventPage(found[: query.limit], found[query.limit - 1].id if has_more else None, attempts)


def show_log(job_id: int, query: LogQuery) -> LogEnd:
    """Show the end of the log of an attempt, or what is behind a byte of it."""
    with reading() as session:
        job = jobs.get(session, job_id)
    try:
        fence = attempt_logs.fence_of(job, query.attempt)
    except NoSuchAttemptError:
        raise QueryError({"attempt": f"must be from 1 to {job.fence}, got {query.attempt}."}) from None
    log = attempt_logs.log_of(current_settings(), job, fence)
    if query.after is not None:
        return LogEnd(fence, *attempt_logs.read_from(log, query.after, query.bytes))
    size = attempt_logs.size_of(log)  # asked first: what is written meanwhile comes again rather than never
    return LogEnd(fence, attempt_logs.read_end(log, query.bytes), size)
