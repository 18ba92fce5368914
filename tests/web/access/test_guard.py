import re
from collections.abc import Mapping

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import create_environ, run_wsgi_app

from tests.web.conftest import SubmitForm
from tests.web.population import Population
from web import create_app


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "LOCALHOST", "127.0.0.1:8000", "[::1]:8000", "[::1]"])
def test_answers_to_its_own_names(client: FlaskClient, host: str) -> None:
    assert client.get("/api/v1/workers", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8000", "localhost@evil.example", "[::2]", ""],
)
@pytest.mark.parametrize("path", ["/jobs", "/api/v1/jobs", "/static/app.css", "/nowhere"])
def test_refuses_foreign_host_names(client: FlaskClient, host: str, path: str) -> None:
    response = client.get(path, headers={"Host": host})
    assert response.status_code == 400
    assert "is not allowed; add it to DEEPLAB_ALLOWED_HOSTS" in response.text


def test_refuses_a_host_that_is_no_address(app: Flask) -> None:
    environ = create_environ("/jobs") | {"HTTP_HOST": "[:::::]"}  # the test client itself stumbles over it
    _, status, _ = run_wsgi_app(app, environ)
    assert status == "400 BAD REQUEST"


def test_answers_to_the_names_of_the_settings(population: Population) -> None:
    changes = {"host": "192.0.2.7", "allowed_hosts": ("Lab.example", "other.example")}
    client = create_app(population.settings.model_copy(update=changes)).test_client()
    for host in ("192.0.2.7:8000", "lab.example", "other.example:443"):
        assert client.get("/api/v1/workers", headers={"Host": host}).status_code == 200
    assert client.get("/api/v1/workers", headers={"Host": "192.0.2.8"}).status_code == 400


@pytest.mark.parametrize("path", ["/jobs", "/nowhere", "/api/v1/jobs", "/static/app.js"])
def test_every_answer_has_the_security_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path, buffered=True).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "no-store" in headers["Cache-Control"] or "no-cache" in headers["Cache-Control"]


def test_pages_hold_nothing_inline_and_nothing_of_other_hosts(client: FlaskClient, population: Population) -> None:
    for path in ("/jobs", f"/jobs/{population.refined}", f"/jobs/{population.segmented}/results", "/jobs/new/segment"):
        page = client.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", page)
        assert not re.search(r"\s(style|on[a-z]+)=|<style|hx-on", page)
        assert not re.search(r"(src|href|action)=\"?(https?:)?//", page)


@pytest.mark.parametrize("path", ["/jobs/new/train", "/jobs/1/cancel", "/jobs/1/retry", "/datasets"])
def test_forms_need_their_token(client: FlaskClient, path: str) -> None:
    response = client.post(path, data={"csrf_token": "made up"})
    assert response.status_code == 400
    assert "reload the page and submit it again" in response.text


def test_a_form_with_its_token_arrives(submit_form: SubmitForm) -> None:
    assert submit_form("/datasets", name="", root="").status_code == 422


FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "http://localhost:9000"},  # another program on this machine
    {"Origin": "null"},
    {"Origin": "chrome-extension://localhost:8000"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_pages_of_other_origins_cannot_submit(
    client: FlaskClient, population: Population, headers: Mapping[str, str]
) -> None:
    for path in (f"/api/v1/jobs/{population.queued}/cancel", f"/jobs/{population.queued}/cancel"):
        response = client.post(path, json={}, headers={"Host": "localhost:8000", **headers})
        assert response.status_code == 403
        assert "are not allowed" in response.text
    assert client.get(f"/api/v1/jobs/{population.queued}").json["state"] == "queued"  # type: ignore[index]


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-origin"}])
def test_own_pages_and_programs_can_submit(client: FlaskClient, headers: Mapping[str, str]) -> None:
    response = client.post("/api/v1/jobs", json={"kind": "x"}, headers={"Host": "localhost:8000", **headers})
    assert response.status_code == 422


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]
)
def test_the_api_takes_json_only(client: FlaskClient, population: Population, content_type: str | None) -> None:
    for path in ("/api/v1/jobs", "/api/v1/datasets", f"/api/v1/jobs/{population.queued}/cancel"):
        response = client.post(path, data="{}", content_type=content_type)
        assert response.status_code == 415
        assert response.json["detail"]  # type: ignore[index]


def test_a_request_to_a_whole_url_must_name_this_server(client: FlaskClient) -> None:
    """As proxies get them; the server hands on the target as it came."""
    for target, status in (
        ("http://evil.example/api/v1/workers", 400),
        ("http://localhost/api/v1/workers", 200),
        ("/api/v1/workers", 200),
    ):
        environ = {"REQUEST_URI": target}
        assert client.get("/api/v1/workers", environ_overrides=environ).status_code == status, target


def test_a_request_that_names_no_host_is_refused(app: Flask) -> None:
    for protocol, status in (("HTTP/1.1", "400 BAD REQUEST"), ("HTTP/1.0", "200 OK")):
        environ = create_environ("/api/v1/workers") | {"SERVER_PROTOCOL": protocol}
        del environ["HTTP_HOST"]
        assert run_wsgi_app(app, environ)[1] == status, protocol
