import socket
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.web.conftest import settings_in
from tests.web.population import Population
from web import create_app
from worker.jobs.database import engine_for
from worker.jobs.settings import Settings, load_settings

_PARTS = {"type", "title", "status", "detail"}
UNKNOWN = [
    "/nowhere",
    "/api/v1/nowhere",
    "/jobs/999",
    "/api/v1/jobs/999",
    "/jobs/99999999999999",
    "/api/v1/jobs/99999999999999",
]


@pytest.mark.parametrize("path", UNKNOWN)
def test_unknown_addresses_are_404_in_the_shape_of_their_kind(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    if path.startswith("/api/"):
        assert response.mimetype == "application/problem+json"
        problem: Any = response.json
        assert (problem["title"], problem["status"], set(problem)) == ("Not Found", 404, _PARTS)
    else:
        assert "<html" in response.text


def test_the_wrong_method_is_405(client: FlaskClient) -> None:
    response = client.delete("/api/v1/jobs")
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) >= {"GET", "POST"}
    assert "does not accept" in response.json["detail"]  # type: ignore[index]


@pytest.mark.parametrize("body", ["", "{", "[]", '"text"', b"\xff"])
def test_malformed_json_is_400(client: FlaskClient, body: str | bytes) -> None:
    response = client.post("/api/v1/jobs", data=body, content_type="application/json")
    assert response.status_code == 400
    assert "JSON" in response.json["detail"]  # type: ignore[index]


def test_a_huge_request_is_413(client: FlaskClient) -> None:
    response = client.post("/api/v1/jobs", json={"kind": "train", "overrides": "x" * 2_000_000})
    assert response.status_code == 413
    assert "too large" in response.json["detail"]  # type: ignore[index]


def test_a_database_without_tables_is_a_clear_sentence(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    client = create_app(settings).test_client()
    for path in ("/jobs", "/api/v1/workers"):
        response = client.get(path)
        assert response.status_code == 503
        assert "has no tables yet; `deeplab db upgrade` creates them" in response.text
    engine_for(settings.database).dispose()


def test_a_database_of_an_older_version_is_a_clear_sentence(new_settings: Settings, new_client: FlaskClient) -> None:
    with engine_for(new_settings.database).begin() as connection:
        connection.execute(text("ALTER TABLE worker DROP COLUMN device"))
    response = new_client.get("/api/v1/workers")
    assert response.status_code == 503
    assert "has the tables of an older version" in response.json["detail"]  # type: ignore[index]


def test_an_unreachable_database_is_a_clear_sentence(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, database_url="postgresql://user:secret@127.0.0.1:1/none", auth="off")
    response = create_app(settings).test_client().get("/api/v1/jobs")
    assert response.status_code == 503
    message = response.json["detail"]  # type: ignore[index]
    assert "cannot be reached" in message
    assert "secret" not in message
    assert "127.0.0.1" not in message  # neither where it is, nor what the driver says


def test_a_page_gives_up_on_a_silent_database_and_tries_again_by_itself(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts connections and never says a word
        url = f"postgresql://user:secret@127.0.0.1:{silent.getsockname()[1]}/none"
        settings = settings_in(tmp_path).model_copy(update={"database_url": url, "page_seconds": 1})
        client = create_app(settings).test_client()
        page = client.get("/jobs")
        posted = client.post("/api/v1/jobs/1/cancel", json={})
    assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
    assert '<meta http-equiv="refresh" content="5">' in page.text
    assert "The database cannot be reached" in page.text
    assert (posted.status_code, posted.headers["Retry-After"]) == (503, "5")


def test_an_internal_error_says_nothing_of_itself(population: Population, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(population.settings)

    def explode() -> str:
        raise RuntimeError("a secret detail")

    app.view_functions["pages.list_workers"] = explode
    response = app.test_client().get("/workers")
    assert response.status_code == 500
    assert "secret detail" not in response.text
    assert "server&#39;s log" in response.text
