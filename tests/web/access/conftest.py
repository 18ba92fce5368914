"""A dashboard that asks who is there, and people in it."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.worker.jobs.accounts.people import NAMES, add_person
from web import create_app
from web.access.who import LOGIN
from worker.jobs.accounts import sessions, tokens, users
from worker.jobs.accounts.roles import ROLES
from worker.jobs.database import open_session
from worker.jobs.settings import Settings

AsRole = Callable[[str], FlaskClient]


@pytest.fixture
def guarded(new_settings: Settings) -> Settings:
    """Settings of a store with vera, who views, otto, who operates, and ada, an admin."""
    settings = new_settings.model_copy(update={"auth": "auto"})
    with open_session(settings) as session:
        for role in ROLES:
            add_person(session, role)
    return settings


def signed_in_as(settings: Settings, name: str) -> FlaskClient:
    """A browser in which somebody has signed in."""
    client = create_app(settings).test_client()
    with open_session(settings) as session:
        secret = sessions.start(session, users.get(session, name).id)
    with client.session_transaction() as cookie:
        cookie[LOGIN] = secret
    return client


def token_of(settings: Settings, name: str, role: str) -> dict[str, str]:
    """Headers with a new token of somebody."""
    with open_session(settings) as session:
        secret = tokens.create(session, users.get(session, name), "test", role, None)
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def as_role(guarded: Settings) -> AsRole:
    """Browsers in which somebody of a role has signed in."""
    return lambda role: signed_in_as(guarded, NAMES[role])


@pytest.fixture
def stranger(guarded: Settings) -> FlaskClient:
    """A browser in which nobody has signed in."""
    return create_app(guarded).test_client()
