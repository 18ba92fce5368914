"""Queues over the API."""

from collections.abc import Sequence
from dataclasses import dataclass

from web.api.requests import Nothing
from web.context import reading, signed_in, writing
from worker.jobs import holds
from worker.jobs.watching import queues
from worker.jobs.watching.queues import Queue


@dataclass(frozen=True)
class Queues:
    """All queues."""

    queues: Sequence[Queue]


def list_queues() -> Queues:
    """List the queues: whether they are paused, and how many jobs wait and run in them."""
    with reading() as session:
        return Queues(queues.list_queues(session))


def pause_queue(name: str, body: Nothing) -> Queues:
    """Start no further job of a queue; what runs goes on."""
    with writing() as session:
        holds.pause_queue(session, name, signed_in().user_id)
        return Queues(queues.list_queues(session))


def resume_queue(name: str, body: Nothing) -> Queues:
    """Start jobs of a queue again."""
    with writing() as session:
        holds.resume_queue(session, name)
        return Queues(queues.list_queues(session))
