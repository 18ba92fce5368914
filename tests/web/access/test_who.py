from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.web.visitors import AsRole, signed_in_as, token_of
from web import create_app
from worker.jobs.accounts import sessions, tokens, users
from worker.jobs.accounts.roles import ADMIN, OPERATOR, VIEWER
from worker.jobs.database import open_session
from worker.jobs.settings import Settings, load_settings


def me(client: FlaskClient, **options: Any) -> Any:
    return client.get("/api/v1/me", **options).json


def proxied(settings: Settings, **changes: object) -> FlaskClient:
    """A dashboard behind a proxy at 192.0.2.1 to 192.0.2.127."""
    given = {"auth": "proxy", "trusted_proxies": "192.0.2.0/25", "home": settings.home, **changes}
    return create_app(load_settings(**given)).test_client()


def test_a_session_and_a_token_say_who_asks(as_role: AsRole, guarded: Settings, stranger: FlaskClient) -> None:
    assert me(as_role(OPERATOR)) == {"name": "otto", "role": "operator", "via": "session"}
    token = token_of(guarded, "otto", VIEWER)
    assert me(stranger, headers=token) == {"name": "otto", "role": "viewer", "via": "token"}
    with open_session(guarded, reads_only=True) as session:
        assert tokens.list_tokens(session)[0].used_at is not None


@pytest.mark.parametrize("authorization", ["Bearer made-up", "Bearer", "bearer dlp_", "Bearer a b"])
def test_a_token_that_is_not_valid_is_refused_whatever_the_cookie_says(as_role: AsRole, authorization: str) -> None:
    for path in ("/api/v1/me", "/metrics", "/jobs"):
        response = as_role(ADMIN).get(path, headers={"Authorization": authorization})
        assert response.status_code == 401
        assert "error=invalid_token" in response.headers["WWW-Authenticate"]


def test_what_a_proxy_adds_for_itself_is_no_token(as_role: AsRole) -> None:
    assert me(as_role(VIEWER), headers={"Authorization": "Basic YTpi"})["name"] == "vera"


def test_a_cookie_is_looked_at_only_without_a_token(as_role: AsRole, guarded: Settings) -> None:
    assert me(as_role(ADMIN), headers=token_of(guarded, "vera", VIEWER))["name"] == "vera"


def test_a_token_needs_no_form_token_for_the_api_and_cannot_use_forms(stranger: FlaskClient, guarded: Settings) -> None:
    token = token_of(guarded, "ada", ADMIN)
    assert stranger.post("/api/v1/jobs", json={"kind": "x"}, headers=token).status_code == 422
    made = stranger.post("/account/tokens", data={"purpose": "more", "role": "admin"}, headers=token)
    assert made.status_code == 403
    assert "use the API" in made.text


def test_a_disabled_user_s_session_and_token_die_at_once(guarded: Settings) -> None:
    browser, program = signed_in_as(guarded, "otto"), token_of(guarded, "otto", OPERATOR)
    client = create_app(guarded).test_client()
    assert browser.get("/jobs").status_code == 200
    with open_session(guarded) as session:
        users.set_disabled(session, "otto", True)
    assert browser.get("/jobs").status_code == 302
    assert client.get("/api/v1/jobs", headers=program).status_code == 401


def test_a_new_role_counts_at_once_for_tokens_and_signs_browsers_out(guarded: Settings) -> None:
    browser, program = signed_in_as(guarded, "ada"), token_of(guarded, "ada", ADMIN)
    with open_session(guarded) as session:
        users.set_role(session, "ada", VIEWER)
    assert browser.get("/jobs").status_code == 302
    client = create_app(guarded).test_client()
    assert me(client, headers=program)["role"] == "viewer"
    assert client.post("/api/v1/jobs", json={}, headers=program).status_code == 403


def test_a_cookie_that_is_not_signed_by_us_is_nothing(stranger: FlaskClient) -> None:
    stranger.set_cookie("deeplab_session", "eyJsb2dpbiI6IngifQ.aSwY5A.AAAAAAAAAAAAAAAAAAAAAAAAAAA")
    assert stranger.get("/jobs").status_code == 302


def test_the_built_in_account_counts_where_people_can_open_links_alone(guarded: Settings) -> None:
    with open_session(guarded) as session:
        users.ensure_local(session)
    token, status = token_of(guarded, "local", ADMIN), {"auto": 200, "required": 401, "proxy": 401}
    for auth, expected in status.items():
        client = create_app(guarded.model_copy(update={"auth": auth})).test_client()
        assert client.get("/api/v1/me", headers=token).status_code == expected, auth


def test_off_asks_nobody_and_says_so(guarded: Settings, caplog: pytest.LogCaptureFixture) -> None:
    client = create_app(guarded.model_copy(update={"auth": "off"})).test_client()
    assert "DEEPLAB_AUTH is off" in caplog.text
    assert me(client) == {"name": "", "role": "admin", "via": "off"}
    assert "Nobody is asked to sign in" in client.get("/jobs").text
    assert "Nobody signs in" in client.get("/account").text
    assert client.get("/login").status_code == 404
    assert "Nobody is asked" not in signed_in_as(guarded, "ada").get("/jobs").text


def test_a_trusted_proxy_names_the_user(guarded: Settings) -> None:
    client = proxied(guarded)
    from_proxy: dict[str, Any] = {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}
    otto = {"X-Forwarded-User": "otto"}
    assert me(client, headers=otto, **from_proxy) == {"name": "otto", "role": "operator", "via": "proxy"}
    assert client.get("/jobs", headers=otto, **from_proxy).status_code == 200
    assert client.get("/jobs", **from_proxy).status_code == 401
    assert client.get("/login", **from_proxy).status_code == 401
    assert client.get("/login", headers=otto, **from_proxy).status_code == 302


@pytest.mark.parametrize("address", ["192.0.2.200", "127.0.0.1", "::1", "2001:db8::1", ""])
def test_a_forged_header_from_elsewhere_is_ignored(guarded: Settings, address: str) -> None:
    client = proxied(guarded, proxy_role="admin")
    forged = {"X-Forwarded-User": "ada", "X-Forwarded-For": "192.0.2.7"}
    assert client.get("/api/v1/me", headers=forged, environ_base={"REMOTE_ADDR": address}).status_code == 401


def test_a_proxy_is_known_by_its_mapped_address_too(guarded: Settings) -> None:
    mapped: dict[str, Any] = {"environ_base": {"REMOTE_ADDR": "::ffff:192.0.2.7"}}
    assert me(proxied(guarded), headers={"X-Forwarded-User": "ada"}, **mapped)["name"] == "ada"


@pytest.mark.parametrize("name", ["nobody", "local", "Otto", "otto,ada", "x" * 65])
def test_names_that_nobody_has_added_are_refused(guarded: Settings, name: str) -> None:
    response = proxied(guarded).get(
        "/api/v1/me", headers={"X-Forwarded-User": name}, environ_base={"REMOTE_ADDR": "192.0.2.7"}
    )
    assert response.status_code == 403


def test_names_that_nobody_has_added_get_the_role_of_the_settings(guarded: Settings) -> None:
    client = proxied(guarded, proxy_role="viewer", proxy_header="Remote-User")
    from_proxy: dict[str, Any] = {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}
    for _ in range(2):
        assert me(client, headers={"Remote-User": "new@example.org"}, **from_proxy)["role"] == "viewer"
    assert client.get("/api/v1/me", headers={"Remote-User": "local"}, **from_proxy).status_code == 403
    assert client.get("/api/v1/me", headers={"X-Forwarded-User": "ada"}, **from_proxy).status_code == 401
    with open_session(guarded) as session:
        assert not users.get(session, "new@example.org").has_password
        users.set_disabled(session, "new@example.org", True)
    refused = client.get("/api/v1/me", headers={"Remote-User": "new@example.org"}, **from_proxy)
    assert refused.status_code == 403


def test_without_the_mode_no_header_names_a_user(guarded: Settings) -> None:
    client = proxied(guarded, auth="required")
    headers = {"X-Forwarded-User": "ada"}
    assert client.get("/api/v1/me", headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 401


def test_a_poll_of_somebody_who_was_signed_out_reloads_the_page(as_role: AsRole, guarded: Settings) -> None:
    client = as_role(VIEWER)
    with open_session(guarded) as session:
        sessions.end_others(session, users.get(session, "vera").id, "")
    response = client.get("/jobs", headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Refresh"]) == (401, "true")
