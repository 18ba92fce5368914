import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from tests.web.scenes import make_dataset
from tests.worker.jobs.accounts.people import add_person
from web import create_app
from worker.jobs.accounts import tokens, users
from worker.jobs.accounts.roles import OPERATOR
from worker.jobs.database import open_session
from worker.jobs.settings import Settings


@dataclass(frozen=True)
class Served:
    """A dashboard that is served, and what asks it."""

    settings: Settings
    url: str
    token: str
    dataset: Path


@pytest.fixture
def served(sqlite_store: Settings, tmp_path: Path) -> Iterator[Served]:
    """A dashboard that asks who is there, served by a real server."""
    settings = sqlite_store.model_copy(update={"auth": "required", "data_roots": (tmp_path,)})
    with open_session(settings) as session:
        person = add_person(session, OPERATOR)
        token = tokens.create(session, users.get(session, person.name), "test", OPERATOR, None)
    dataset = make_dataset(tmp_path / "shapes")
    server = make_server("127.0.0.1", 0, create_app(settings), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Served(settings, f"http://127.0.0.1:{server.server_port}", token, dataset)
    server.shutdown()
    thread.join()
    server.server_close()
