"""Browsers and programs of people who may do more or less."""

from collections.abc import Callable

from flask.testing import FlaskClient

from web import create_app
from web.access.who import LOGIN
from worker.jobs.accounts import sessions, tokens, users
from worker.jobs.database import open_session
from worker.jobs.settings import Settings

AsRole = Callable[[str], FlaskClient]


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
