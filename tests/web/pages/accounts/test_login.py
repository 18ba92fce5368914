"""Signing in as a browser does: with cookies and the tokens of forms."""

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.web.visitors import signed_in_as
from tests.worker.jobs.accounts.people import PASSWORD
from web import create_app
from worker.jobs.accounts import failures, login_links, users
from worker.jobs.database import open_session
from worker.jobs.settings import Settings

HTTPS = {"X-Forwarded-Proto": "https"}


def form_token(page: str) -> str:
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    return token[1]


def send(
    client: FlaskClient, name: str, password: str, next_: str = "", headers: dict[str, str] | None = None
) -> TestResponse:
    page = client.get("/login", query_string={"next": next_}, headers=headers).text
    fields = {"csrf_token": form_token(page), "name": name, "password": password, "next": next_}
    return client.post("/login", data=fields, headers=headers)


def new_link(settings: Settings) -> str:
    with open_session(settings) as session:
        return f"/login?once={login_links.create(session, users.ensure_local(session))}"


def test_a_password_opens_the_page_that_was_asked_for(stranger: FlaskClient) -> None:
    asked = stranger.get("/jobs?state=failed&search=a%20b")
    assert asked.location == "/login?next=/jobs?state%3Dfailed%26search%3Da%2520b"
    page = stranger.get(asked.location).text
    assert 'name="next" value="/jobs?state=failed&amp;search=a%20b"' in page
    answer = send(stranger, " otto ", PASSWORD, "/jobs?state=failed&search=a%20b")
    assert (answer.status_code, answer.location) == (303, "/jobs?state=failed&search=a%20b")
    assert stranger.get(answer.location).status_code == 200
    assert stranger.get("/login").location == "/jobs"


def test_the_form_suits_password_managers_phones_and_keyboards(stranger: FlaskClient) -> None:
    page = stranger.get("/login").text
    for attribute in (
        'autocomplete="username"',
        'autocomplete="current-password"',
        'type="password"',
        'autocapitalize="off"',
        '<label class="form-label" for="name">',
        '<label class="form-label" for="password">',
        "autofocus",
    ):
        assert attribute in page
    assert "<nav" not in page  # there is nothing yet that a stranger may see


def test_a_wrong_password_is_said_and_the_name_stays(stranger: FlaskClient) -> None:
    for name in ("otto", "nobody"):
        answer = send(stranger, name, "wrong")
        assert answer.status_code == 422
        assert "Wrong name or password." in answer.text
        assert f'value="{name}"' in answer.text
        assert "wrong" not in answer.text.replace("Wrong", "")
        assert stranger.get("/jobs").status_code == 302


def test_after_five_failures_there_is_a_pause(stranger: FlaskClient, guarded: Settings) -> None:
    with open_session(guarded) as session:
        for _ in range(failures.MOST):
            failures.begin(session, "otto", "127.0.0.1")
    answer = send(stranger, "otto", PASSWORD)
    assert answer.status_code == 429
    assert "try again in 15 minutes" in answer.text
    assert 880 < int(answer.headers["Retry-After"]) <= 900


@pytest.mark.parametrize(
    "foreign",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "/ /evil.example",
        "javascript:alert(1)",
        "evil",
        " //evil.example",
        "///evil.example",
    ],
)
def test_next_leads_nowhere_else(stranger: FlaskClient, guarded: Settings, foreign: str) -> None:
    assert send(stranger, "otto", PASSWORD, foreign).location == "/jobs"
    assert stranger.get("/login", query_string={"next": foreign}).location == "/jobs"
    linked = create_app(guarded).test_client().get(new_link(guarded), query_string=None)
    assert linked.location == "/jobs"
    assert stranger.get(f"{new_link(guarded)}&next={foreign}").location == "/jobs"


def test_sign_in_needs_the_token_of_its_form_and_its_own_origin(stranger: FlaskClient) -> None:
    """Or a foreign page could sign somebody in as somebody else."""
    fields = {"name": "otto", "password": PASSWORD}
    assert stranger.post("/login", data=fields).status_code == 400
    fields["csrf_token"] = form_token(stranger.get("/login").text)
    assert stranger.post("/login", data=fields, headers={"Origin": "https://evil.example"}).status_code == 403
    assert stranger.post("/login", data=fields).status_code == 303


def test_a_cookie_is_new_after_sign_in_and_cannot_be_read_by_scripts(stranger: FlaskClient) -> None:
    before = stranger.get("/login").headers["Set-Cookie"]
    answer = send(stranger, "otto", PASSWORD)
    after = answer.headers["Set-Cookie"]
    name, value = after.partition(";")[0].split("=", 1)
    assert name == "deeplab_session"
    assert value not in before
    attributes = after.split("; ")[1:]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes)
    assert "Secure" not in attributes
    assert any(each.startswith("Expires=") for each in attributes)
    with stranger.session_transaction() as session:
        assert set(session) == {"login", "_permanent"}


def test_over_https_the_cookie_is_secure_and_of_this_host_alone(guarded: Settings) -> None:
    proxied = guarded.model_copy(update={"trusted_proxies": Settings(trusted_proxies="127.0.0.1").trusted_proxies})
    client = create_app(proxied).test_client()
    answer = client.get("/login", headers=HTTPS)
    assert answer.headers["Set-Cookie"].startswith("__Host-deeplab_session=")
    assert {"Secure", "HttpOnly", "Path=/"} <= set(answer.headers["Set-Cookie"].split("; "))
    below = client.get("/login", headers=HTTPS, environ_overrides={"SCRIPT_NAME": "/team"})
    assert below.headers["Set-Cookie"].startswith("deeplab_session=")
    assert {"Secure", "Path=/team"} <= set(below.headers["Set-Cookie"].split("; "))
    untrusted = create_app(guarded).test_client().get("/login", headers=HTTPS)
    assert "Secure" not in untrusted.headers["Set-Cookie"]


def test_signing_out_ends_the_session_for_every_copy_of_its_cookie(guarded: Settings) -> None:
    browser = signed_in_as(guarded, "otto")
    token = form_token(browser.get("/account").text)
    cookie = browser.get_cookie("deeplab_session")
    assert cookie is not None
    assert browser.post("/logout", data={}).status_code == 400
    answer = browser.post("/logout", data={"csrf_token": token})
    assert (answer.status_code, answer.location) == (303, "/login")
    assert browser.get("/jobs").status_code == 302
    thief = create_app(guarded).test_client()
    thief.set_cookie("deeplab_session", cookie.value)
    assert thief.get("/jobs").status_code == 302


def test_a_link_signs_in_once(stranger: FlaskClient, guarded: Settings) -> None:
    link = new_link(guarded)
    assert stranger.head(link).status_code == 200  # as programs that look at links in advance
    answer = stranger.get(link)
    assert (answer.status_code, answer.location) == (302, "/jobs")
    assert "built-in" not in stranger.get("/jobs").text
    assert 'aria-label="Account of local"' in stranger.get("/jobs").text
    other = create_app(guarded).test_client()
    again = other.get(link)
    assert again.status_code == 422
    assert "This link has been used, or is older than ten minutes." in again.text
    assert other.get("/jobs").status_code == 302


@pytest.mark.parametrize("auth", ["required", "proxy"])
def test_no_link_signs_in_where_people_have_accounts(guarded: Settings, auth: str) -> None:
    client = create_app(guarded.model_copy(update={"auth": auth})).test_client()
    assert client.get(new_link(guarded)).status_code in {401, 422}
    assert client.get("/jobs").status_code in {302, 401}


def test_without_any_password_the_page_says_how_to_get_in(new_settings: Settings) -> None:
    for auth, command in (("auto", "deeplab login-link"), ("required", "deeplab user add NAME --role admin")):
        page = create_app(new_settings.model_copy(update={"auth": auth})).test_client().get("/login").text
        assert command in page
        assert "<form" not in page
