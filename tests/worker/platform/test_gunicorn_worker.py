"""Which requests wait for which; tests/web/test_server.py runs the whole server."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from worker.platform.gunicorn_worker import LANES, Lanes


@dataclass
class Connection:
    """A connection with one request, as a lane knows it."""

    path: str
    serve: Callable[[], Any]
    requests: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.requests = [SimpleNamespace(path=self.path)]

    def service(self) -> None:
        self.serve()

    def cancel(self) -> None:
        pass


@pytest.mark.parametrize("path", ["/jobs/1/images/x", "/deeplab/jobs/12/tiles/x/image/0/0/0", "/jobs/compare"])
def test_many_slow_requests_of_a_kind_do_not_keep_others_waiting(path: str) -> None:
    lanes, go_on, answered = Lanes(), threading.Event(), threading.Semaphore(0)
    try:
        for _ in range(2 * max(n for _, n in LANES)):
            lanes.add_task(Connection(path, go_on.wait))
        others = ["/healthz", "/static/app.js"] + ["/jobs"] * (path != "/jobs/compare")
        for other in others:
            lanes.add_task(Connection(other, answered.release))
        assert all(answered.acquire(timeout=30) for _ in others)
    finally:
        go_on.set()
        lanes.shutdown(timeout=30)
