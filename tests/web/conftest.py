import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.processes import wait_until
from tests.web.population import Population
from tests.web.visitors import AsRole, signed_in_as
from tests.worker.jobs.accounts.people import NAMES, add_person
from web import create_app
from worker.jobs import workers
from worker.jobs.accounts.roles import ROLES
from worker.jobs.database import engine_for, open_session, upgrade
from worker.jobs.settings import Settings
from worker.platform import valkey

SubmitForm = Callable[..., TestResponse]


def settings_in(home: Path) -> Settings:
    """Settings of a home of its own, whatever the environment says."""
    return Settings(
        home=home,
        database_url="",
        broker_url="",
        data_roots=(home / "data",),
        host="127.0.0.1",
        port=8000,
        allowed_hosts=(),
        auth="off",  # most tests are not about who asks; those that are have `guarded`
    )


@contextmanager
def populated(home: Path) -> Iterator[Population]:
    """A home in which everything has happened once, with a real broker."""
    settings = settings_in(home)
    upgrade(settings)
    server = subprocess.Popen(valkey.server_command(settings), stdout=subprocess.DEVNULL)
    population = Population(settings)
    wait_until(lambda: valkey.answers(settings), 20)
    yield population
    server.terminate()
    server.wait()
    engine_for(settings.database).dispose()


@pytest.fixture(scope="session")
def population(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Population]:
    """A home in which everything has happened once. Tests add to it, but change none of its jobs."""
    with populated(tmp_path_factory.mktemp("population")) as population:
        yield population


@pytest.fixture
def app(population: Population) -> Flask:
    with open_session(population.settings) as session:
        workers.heartbeat(session, population.worker)
    return create_app(population.settings)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def new_settings(tmp_path: Path) -> Iterator[Settings]:
    """A home with tables and nothing in them."""
    settings = settings_in(tmp_path)
    (tmp_path / "data").mkdir()
    upgrade(settings)
    yield settings
    engine_for(settings.database).dispose()


@pytest.fixture
def new_client(new_settings: Settings) -> FlaskClient:
    return create_app(new_settings).test_client()


@pytest.fixture
def guarded(new_settings: Settings) -> Settings:
    """Settings of a dashboard that asks who is there: vera, who views, otto, who operates, or ada, an admin."""
    settings = new_settings.model_copy(update={"auth": "auto"})
    with open_session(settings) as session:
        for role in ROLES:
            add_person(session, role)
    return settings


@pytest.fixture
def as_role(guarded: Settings) -> AsRole:
    """Browsers in which somebody of a role has signed in."""
    return lambda role: signed_in_as(guarded, NAMES[role])


@pytest.fixture
def stranger(guarded: Settings) -> FlaskClient:
    """A browser in which nobody has signed in."""
    return create_app(guarded).test_client()


@pytest.fixture
def submit_form(client: FlaskClient) -> SubmitForm:
    """Sends a form as a browser does: with the token of a page."""
    return form_sender(client)


def form_sender(client: FlaskClient) -> SubmitForm:
    """Sends forms over a client, each with the token that the page of the first form holds."""

    def submit(address: str, **fields: object) -> TestResponse:
        page = client.get("/datasets").text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token is not None
        return client.post(address, data={"csrf_token": token[1], **fields})

    return submit
