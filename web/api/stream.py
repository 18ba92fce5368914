"""What happens to a job as server-sent events, for programs; pages poll (docs/decisions/0004).

An open stream keeps a thread of the web server, so there are few of them, in threads of their own: see LANES in
worker.platform.gunicorn_worker.
"""

import threading
import time
from collections.abc import Iterator

from flask import Response, abort, request

from web.api.endpoint import EventStream
from web.context import current_settings, reading
from web.errors import QueryError
from worker.jobs import jobs
from worker.jobs.catalog import parse_integer
from worker.jobs.database import open_session
from worker.jobs.jobs import Job, JobSummary
from worker.jobs.plain_json import adapter_of
from worker.jobs.records import events
from worker.jobs.records.events import Event
from worker.jobs.settings import Settings

MOST = 8  # streams that are open at a time, in one process
_POLL_SECONDS = 1.0
_SILENT_SECONDS = 10.0  # after which a line says that the stream lives, and shows whether anybody still listens
_LONGEST_SECONDS = 600.0  # after which it ends, and who may see it is asked anew when the client comes back

_places = threading.BoundedSemaphore(MOST)


def stream_job(job_id: int) -> EventStream:
    """Stream what happens to a job until it has ended: server-sent events.

    An `event` is one of `GET /jobs/{job_id}/events`, with its id; a `job` is the job as in lists, at first and whenever
    it has changed. A header `Last-Event-ID`, which clients send when they come back, leaves out the events up to that.
    The stream also ends after ten minutes. Few can be open at a time; more are refused by 503.
    """
    after = _last_event_id()
    with reading() as session:
        jobs.get(session, job_id)
    if not _places.acquire(blocking=False):
        abort(503, f"{MOST} streams are open already; try again in a moment, or ask for the job now and then.")
    response = Response(_messages(current_settings(), job_id, after), mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"  # or nginx would keep the events until it has a bufferful
    response.call_on_close(_places.release)
    return response


def _last_event_id() -> int:
    text = request.headers.get("Last-Event-ID", "0")
    if (number := parse_integer(text)) is None:
        raise QueryError({"Last-Event-ID": f"must be the id of an event, got {text!r}."})
    return number


def _messages(settings: Settings, job_id: int, after: int) -> Iterator[str]:
    told: Job | None = None
    began = spoke = time.monotonic()
    while time.monotonic() < began + _LONGEST_SECONDS:
        with open_session(settings, reads_only=True) as session:
            job = jobs.get(session, job_id)  # first, so that no event can follow the end
            found = events.list_events(session, job_id, after=after)
        for each in found:
            after = each.id
            yield _message("event", Event, each, f"id: {each.id}\n")
        if job != told:
            told = job
            yield _message("job", JobSummary, job)
        elif not found and time.monotonic() > spoke + _SILENT_SECONDS:
            yield ": \n\n"
        else:
            time.sleep(_POLL_SECONDS)
            continue
        spoke = time.monotonic()
        if job.is_terminal:
            return


def _message(name: str, kind: type, value: object, head: str = "") -> str:
    return f"{head}event: {name}\ndata: {adapter_of(kind).dump_json(value).decode()}\n\n"
