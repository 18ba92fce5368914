import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.worker.jobs.accounts.people import add_person
from worker.jobs import storage
from worker.jobs.accounts import users
from worker.jobs.accounts.roles import ADMIN, OPERATOR
from worker.jobs.database import open_session
from worker.jobs.settings import Settings
from worker.platform import web_server
from worker.platform.entrance import EntranceError, greeting, prepare_entrance

EVERYWHERE = "0.0.0.0"  # noqa: S104


@contextmanager
def listening(settings: Settings, **changes: object) -> Iterator[tuple[Settings, socket.socket]]:
    changed = settings.model_copy(update=changes)
    with web_server.listen(changed.host, 0) as listener:
        yield changed.model_copy(update={"port": listener.getsockname()[1]}), listener


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_on_a_laptop_a_link_and_a_token_let_in(sqlite_store: Settings, host: str) -> None:
    with listening(sqlite_store, host=host) as (settings, listener):
        prepare_entrance(settings, listener)
        lines = greeting(settings, listener)
    assert lines[0] == f"DeepLab listens on http://{host}:{settings.port} (home: {settings.home})."
    assert lines[1].startswith(f"Sign in: http://{host}:{settings.port}/login?once=")
    assert storage.token_path(settings).read_text().startswith("dlp_")


@pytest.mark.parametrize("auth", ["auto", "required"])
def test_an_address_that_others_can_reach_needs_an_admin_who_can_sign_in(sqlite_store: Settings, auth: str) -> None:
    with listening(sqlite_store, host=EVERYWHERE, auth=auth) as (settings, listener):
        with open_session(settings) as session:
            users.ensure_local(session)
            users.add(session, "proxied", ADMIN, None)
            add_person(session, OPERATOR)
        sentence = r"no admin can sign in\. Create one: deeplab user add NAME --role admin, or pass --insecure"
        with pytest.raises(EntranceError, match=sentence):
            prepare_entrance(settings, listener)
        with open_session(settings) as session:
            add_person(session, ADMIN)
        prepare_entrance(settings, listener)
        (line,) = greeting(settings, listener)
        assert not storage.token_path(settings).exists()
        with open_session(settings) as session:
            users.set_disabled(session, "ada", True)
        with pytest.raises(EntranceError, match=sentence):
            prepare_entrance(settings, listener)
    assert f"port {settings.port} of every address of this machine" in line


def test_required_needs_an_admin_on_a_laptop_too(sqlite_store: Settings) -> None:
    sentence = "DEEPLAB_AUTH is required, and no admin can sign in"
    with (
        listening(sqlite_store, auth="required") as (settings, listener),
        pytest.raises(EntranceError, match=sentence),
    ):
        prepare_entrance(settings, listener)


def test_who_asks_nobody_is_warned_with_the_real_address(sqlite_store: Settings) -> None:
    with listening(sqlite_store, host=EVERYWHERE, auth="off") as (settings, listener):
        prepare_entrance(settings, listener)
        warning = greeting(settings, listener)[1]
    assert warning.startswith("Warning: nobody is asked to sign in.")
    assert f"port {settings.port} of every address of this machine" in warning


def test_a_proxy_has_to_be_named(sqlite_store: Settings) -> None:
    with listening(sqlite_store, host=EVERYWHERE, auth="proxy") as (settings, listener):
        with pytest.raises(EntranceError, match="name the proxy's address in DEEPLAB_TRUSTED_PROXIES"):
            prepare_entrance(settings, listener)
        networks = {"trusted_proxies": (ipaddress.ip_network("192.0.2.1"),)}
        prepare_entrance(settings.model_copy(update=networks), listener)
