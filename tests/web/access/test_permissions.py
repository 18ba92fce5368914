"""Every address there is, asked for by everybody."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import AnyConverter, BaseConverter, IntegerConverter, Rule

from tests.web.visitors import AsRole, token_of
from web import create_app
from web.access.permissions import ACCESS, ANYONE
from worker.jobs.accounts.roles import ADMIN, OPERATOR, ROLES, VIEWER
from worker.jobs.settings import Settings

# What a viewer may change: whether, how and where they themselves sign in.
PERSONAL = {
    "pages.sign_in",
    "pages.sign_out",
    "pages.change_password",
    "pages.end_other_sessions",
    "pages.create_token",
    "pages.revoke_token",
}


def requests_of(app: Flask) -> Iterator[tuple[Rule, str, str]]:
    """Each rule with each of its methods, and an address that it matches."""
    addresses = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        given = {name: _example(rule._converters[name]) for name in rule.arguments}
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method, addresses.build(rule.endpoint, given, method)


def _example(converter: BaseConverter) -> object:
    """A part of an address that a converter takes."""
    if isinstance(converter, AnyConverter):
        return min(converter.items)
    return 1 if isinstance(converter, IntegerConverter) else "x"


def ask(client: FlaskClient, method: str, address: str, headers: dict[str, str] | None = None) -> int:
    is_api = address.startswith("/api/")
    response = client.open(address, method=method, headers=headers, json={} if is_api and method != "GET" else None)
    response.close()
    return response.status_code


def test_every_endpoint_is_listed_with_the_role_that_it_takes(guarded: Settings) -> None:
    """If this fails: add the endpoint to ACCESS in web/access/permissions.py."""
    endpoints = {rule.endpoint for rule in create_app(guarded).url_map.iter_rules()}
    assert sorted(endpoints - ACCESS.keys()) == [], "endpoints that nobody may use"
    assert sorted(ACCESS.keys() - endpoints) == [], "endpoints that there are not"
    assert set(ACCESS.values()) <= {ANYONE, *ROLES}


def test_every_change_takes_an_operator_and_little_is_open(guarded: Settings) -> None:
    app = create_app(guarded)
    changes = {rule.endpoint for rule, method, _ in requests_of(app) if method != "GET"}
    assert {endpoint for endpoint in changes - PERSONAL if ACCESS[endpoint] not in {OPERATOR, ADMIN}} == set()
    open_to_all = {endpoint for endpoint, least in ACCESS.items() if least == ANYONE}
    assert open_to_all == {"static", "probes.healthz", "probes.readyz", "pages.show_login", "pages.sign_in"}


def test_who_has_not_signed_in_is_told_to(stranger: FlaskClient) -> None:
    wrong = {}
    for rule, method, address in requests_of(stranger.application):
        if ACCESS[rule.endpoint] == ANYONE:
            continue
        response = stranger.open(address, method=method)
        if address.startswith(("/api/", "/metrics")):
            is_right = response.status_code == 401 and response.headers["WWW-Authenticate"].startswith("Bearer ")
            is_right = is_right and (address == "/metrics" or response.get_json()["status"] == 401)
        else:
            is_right = response.status_code in {302, 303} and response.location.startswith("/login")
        if not is_right:
            wrong[method, address] = response.status
    assert wrong == {}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_what_is_listed_and_nothing_else(as_role: AsRole, guarded: Settings, role: str) -> None:
    """By session and by token; what is let through may fail for another reason."""
    client = as_role(role)
    token = token_of(guarded, "ada", role)
    wrong = {}
    for rule, method, address in requests_of(client.application):
        if rule.endpoint in PERSONAL or ACCESS[rule.endpoint] == ANYONE:
            continue
        is_allowed = ROLES.index(role) >= ROLES.index(ACCESS[rule.endpoint])
        status = ask(client, method, address)
        if (status not in {401, 403}) != is_allowed:
            wrong[method, address] = status
        is_form = rule.endpoint.startswith("pages.") and method != "GET"
        status = ask(client.application.test_client(), method, address, token)
        if (status not in {401, 403}) != (is_allowed and not is_form):
            wrong[f"{method} by token", address] = status
    assert wrong == {}


def test_a_viewer_can_change_nothing(as_role: AsRole) -> None:
    client = as_role(VIEWER)
    answers = {
        (method, address): ask(client, method, address)
        for rule, method, address in requests_of(client.application)
        if method != "GET" and rule.endpoint not in PERSONAL
    }
    assert len(answers) > 15
    assert set(answers.values()) == {403}


def test_an_endpoint_that_is_not_listed_is_refused_to_everybody(
    as_role: AsRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(ACCESS, "api.list_workers")
    assert as_role(ADMIN).get("/api/v1/workers").status_code == 403
    assert as_role(ADMIN).application.test_client().get("/api/v1/workers").status_code == 403


@pytest.mark.parametrize("address", ["/nowhere", "/api/v1/nowhere"])
def test_an_unknown_address_is_unknown_to_those_who_have_signed_in(
    stranger: FlaskClient, as_role: AsRole, address: str
) -> None:
    assert stranger.get(address).status_code in {302, 401}
    assert as_role(VIEWER).get(address).status_code == 404
    assert stranger.delete("/api/v1/jobs").status_code == 401
    assert as_role(VIEWER).delete("/api/v1/jobs").status_code == 405


def test_pages_show_no_button_that_would_be_refused(as_role: AsRole) -> None:
    for role, shown in ((VIEWER, False), (OPERATOR, True)):
        client = as_role(role)
        assert (">New job<" in client.get("/jobs").text) == shown
        assert ("Register a dataset</h2>" in client.get("/datasets").text) == shown
        assert ">Users<" not in client.get("/account").text
    assert ">Users<" in as_role(ADMIN).get("/account").text
