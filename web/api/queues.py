"""Queues over the API."""

from typing import Any

from web.api.requests import read_body, require_known
from web.context import reading, signed_in, writing
from worker.jobs import holds
from worker.jobs.plain_json import as_json
from worker.jobs.watching import queues


def list_queues() -> dict[str, Any]:
    """GET /queues: the queues, whether they are paused, and how many jobs wait and run in them."""
    require_known()
    with reading() as session:
        return {"queues": as_json(queues.list_queues(session))}


def pause_queue(name: str) -> dict[str, Any]:
    """POST /queues/<name>/pause {}: the queues; no further job of this one is started, what runs goes on."""
    read_body()
    with writing() as session:
        holds.pause_queue(session, name, signed_in().user_id)
        return {"queues": as_json(queues.list_queues(session))}


def resume_queue(name: str) -> dict[str, Any]:
    """POST /queues/<name>/resume {}: the queues; jobs of this one are started again."""
    read_body()
    with writing() as session:
        holds.resume_queue(session, name)
        return {"queues": as_json(queues.list_queues(session))}
