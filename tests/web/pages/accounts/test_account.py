import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.web.pages.accounts.test_login import form_token
from tests.web.visitors import AsRole, signed_in_as, token_of
from tests.worker.jobs.accounts.people import PASSWORD
from web import create_app
from worker.jobs.accounts import sessions, tokens, users
from worker.jobs.accounts.roles import ADMIN, OPERATOR, VIEWER
from worker.jobs.database import open_session
from worker.jobs.settings import Settings

NEW = "another long password"


def send(client: FlaskClient, address: str, **fields: str) -> TestResponse:
    token = form_token(client.get("/account").text)
    return client.post(address, data={"csrf_token": token, **fields})


def test_a_password_is_changed_and_everybody_else_is_signed_out(guarded: Settings) -> None:
    here, elsewhere = signed_in_as(guarded, "vera"), signed_in_as(guarded, "vera")
    answer = send(here, "/account/password", current=PASSWORD, new=NEW, again=NEW)
    assert (answer.status_code, answer.location) == (303, "/account")
    assert "Password changed" in here.get("/account").text
    assert elsewhere.get("/account").status_code == 302


@pytest.mark.parametrize(
    ("current", "new", "again", "sentence"),
    [
        ("wrong", NEW, NEW, "This is not your password."),
        (PASSWORD, "short", "short", "from 12 to 1,000 characters"),
        (PASSWORD, NEW, NEW + "x", "typed in two ways"),
        (PASSWORD, "", "", "from 12 to 1,000 characters"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changes(
    guarded: Settings, current: str, new: str, again: str, sentence: str
) -> None:
    here, elsewhere = signed_in_as(guarded, "vera"), signed_in_as(guarded, "vera")
    answer = send(here, "/account/password", current=current, new=new, again=again)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert elsewhere.get("/account").status_code == 200


def test_all_other_browsers_can_be_signed_out(guarded: Settings) -> None:
    here, elsewhere = signed_in_as(guarded, "vera"), signed_in_as(guarded, "vera")
    page = here.get("/account").text
    assert (page.count("This one"), page.count("Another one")) == (1, 1)
    send(here, "/account/sessions")
    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 302


def test_a_token_is_shown_once_and_can_be_revoked(as_role: AsRole, guarded: Settings) -> None:
    client = as_role(OPERATOR)
    answer = send(client, "/account/tokens", purpose="nightly", role="viewer", days="30")
    assert answer.status_code == 201
    secret = re.search(r"<code class=\"secret\">(dlp_[^<]+)</code>", answer.text)
    assert secret is not None
    program, headers = create_app(guarded).test_client(), {"Authorization": f"Bearer {secret[1]}"}
    assert (program.get("/api/v1/me", headers=headers).json or {})["role"] == "viewer"
    page = client.get("/account").text
    assert secret[1] not in page
    assert "in 30 days" in page
    with open_session(guarded, reads_only=True) as session:
        (token,) = tokens.list_tokens(session, "otto")
    assert send(as_role(VIEWER), f"/account/tokens/{token.id}/revoke").status_code == 404
    assert send(client, f"/account/tokens/{token.id}/revoke").status_code == 303
    assert program.get("/api/v1/me", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"purpose": "", "role": "viewer"}, "A token has a name"),
        ({"purpose": "x", "role": "admin"}, "A token cannot be admin: its user otto is operator."),
        ({"purpose": "x", "role": "root"}, "A role is one of"),
        ({"purpose": "x"}, "A role is one of"),
        ({"purpose": "x", "role": "viewer", "days": "4000"}, "valid for 1 to 3650 days"),
        ({"purpose": "x", "role": "viewer", "days": "soon"}, "valid for a number of days"),
    ],
)
def test_a_token_that_cannot_be_is_refused(as_role: AsRole, fields: dict[str, str], sentence: str) -> None:
    answer = send(as_role(OPERATOR), "/account/tokens", **fields)
    assert answer.status_code == 422
    assert sentence in answer.text


def test_the_built_in_account_has_tokens_and_no_password(guarded: Settings) -> None:
    with open_session(guarded) as session:
        users.ensure_local(session)
    page = signed_in_as(guarded, "local").get("/account").text
    assert "Change password" not in page
    assert "Create token" in page


def test_an_admin_adds_changes_and_locks_out_people(as_role: AsRole, guarded: Settings) -> None:
    client = as_role(ADMIN)
    assert send(client, "/users", name="anna", role="viewer", password=PASSWORD).status_code == 303
    assert "anna" in client.get("/users").text
    browser = signed_in_as(guarded, "anna")
    assert send(client, "/users/anna", action="role", role="operator").status_code == 303
    assert browser.get("/jobs").status_code == 302
    assert send(client, "/users/anna", action="password", password=NEW).status_code == 303
    program = token_of(guarded, "anna", OPERATOR)
    assert send(client, "/users/anna", action="disable").status_code == 303
    assert "operator, disabled" in client.get("/users/anna").text
    stranger = create_app(guarded).test_client()
    assert stranger.get("/api/v1/me", headers=program).status_code == 401
    assert send(client, "/users/anna", action="enable").status_code == 303
    assert (stranger.get("/api/v1/me", headers=program).json or {})["role"] == "operator"
    with open_session(guarded, reads_only=True) as session:
        (token,) = tokens.list_tokens(session, "anna")
    assert send(client, f"/users/anna/tokens/{token.id}/revoke").status_code == 303
    assert stranger.get("/api/v1/me", headers=program).status_code == 401


@pytest.mark.parametrize(
    ("address", "fields", "sentence"),
    [
        ("/users", {"name": "", "role": "viewer"}, "A name consists of"),
        ("/users", {"name": "otto", "role": "viewer"}, "already a user named"),
        ("/users", {"name": "local", "role": "admin"}, "built-in account"),
        ("/users", {"name": "anna", "role": "root"}, "A role is one of"),
        ("/users", {"name": "anna", "role": "viewer", "password": "short"}, "from 12 to 1,000 characters"),
        ("/users/otto", {"action": "password", "password": "short"}, "from 12 to 1,000 characters"),
        ("/users/otto", {"action": "role", "role": "root"}, "A role is one of"),
        ("/users/ada", {"action": "role", "role": "viewer"}, "This is your own account"),
        ("/users/ada", {"action": "disable"}, "This is your own account"),
        ("/users/local", {"action": "disable"}, "built-in account"),
    ],
)
def test_what_cannot_be_changed_is_said(
    as_role: AsRole, guarded: Settings, address: str, fields: dict[str, str], sentence: str
) -> None:
    with open_session(guarded) as session:
        users.ensure_local(session)
        before = users.list_users(session)
    answer = send(as_role(ADMIN), address, **fields)
    assert answer.status_code == 422
    assert sentence in answer.text
    with open_session(guarded, reads_only=True) as session:
        assert users.list_users(session) == before


def test_unknown_users_tokens_and_actions_are_said(as_role: AsRole) -> None:
    client = as_role(ADMIN)
    assert client.get("/users/nobody").status_code == 404
    assert send(client, "/users/nobody", action="disable").status_code == 404
    assert send(client, "/users/otto/tokens/77/revoke").status_code == 404
    assert send(client, "/users/otto", action="praise").status_code == 400


def test_sessions_are_those_of_the_user_alone(guarded: Settings) -> None:
    signed_in_as(guarded, "otto")
    page = signed_in_as(guarded, "vera").get("/account").text
    assert "Another one" not in page
    with open_session(guarded, reads_only=True) as session:
        assert len(sessions.list_of(session, users.get(session, "vera").id)) == 1
