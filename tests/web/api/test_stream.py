import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.web.population import Population
from web.api.stream import MOST


def _messages(text: str) -> Iterator[tuple[str, Any]]:
    """Each event's name and data."""
    for message in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in message.splitlines())
        yield fields["event"], json.loads(fields["data"])


def test_a_stream_tells_what_happened_and_ends_with_the_job(client: FlaskClient, population: Population) -> None:
    response = client.get(f"/api/v1/jobs/{population.trained}/events/stream")
    assert response.mimetype == "text/event-stream"
    told = list(_messages(response.text))
    listed: Any = client.get(f"/api/v1/jobs/{population.trained}/events").json
    assert [data for name, data in told if name == "event"] == listed["events"]
    assert [(name, data["state"]) for name, data in told[-1:]] == [("job", "succeeded")]
    last = listed["events"][-2]["id"]
    again = client.get(f"/api/v1/jobs/{population.trained}/events/stream", headers={"Last-Event-ID": str(last)})
    assert [data["id"] for name, data in _messages(again.text) if name == "event"] == [listed["events"][-1]["id"]]


def test_changes_are_told_as_they_come(client: FlaskClient, population: Population) -> None:
    job_id = population.submit("evaluate", checkpoint="1")
    with client.get(f"/api/v1/jobs/{job_id}/events/stream", buffered=False) as response:
        parts = iter(response.iter_encoded())
        first = [next(parts).decode() for _ in range(2)]
        assert [name for text in first for name, _ in _messages(text)] == ["event", "job"]
        client.post(f"/api/v1/jobs/{job_id}/cancel", json={})
        rest = list(_messages(b"".join(parts).decode()))
    assert [data["message"] for name, data in rest if name == "event"] == ["cancelled"]
    assert rest[-1][1]["state"] == "cancelled"


def test_few_streams_can_be_open(client: FlaskClient, population: Population) -> None:
    address = f"/api/v1/jobs/{population.queued}/events/stream"
    opened: list[TestResponse] = [client.get(address, buffered=False) for _ in range(MOST)]
    refused = client.get(address)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    for response in opened:
        response.close()
    client.get(address, buffered=False).close()


@pytest.mark.parametrize(("path", "status"), [("999999/events/stream", 404), ("1/events/stream?x=1", 400)])
def test_refusals_are_no_streams(client: FlaskClient, path: str, status: int) -> None:
    assert client.get(f"/api/v1/jobs/{path}").status_code == status


def test_what_is_no_id_of_an_event_is_refused(client: FlaskClient, population: Population) -> None:
    address = f"/api/v1/jobs/{population.trained}/events/stream"
    assert client.get(address, headers={"Last-Event-ID": "x"}).status_code == 400
