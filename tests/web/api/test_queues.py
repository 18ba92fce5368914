from typing import Any

from flask.testing import FlaskClient

from tests.web.api.conftest import get


def test_a_queue_is_paused_and_resumed(new_client: FlaskClient) -> None:
    assert [(each["name"], each["paused"]) for each in get(new_client, "/queues")["queues"]] == [
        ("gpu", False),
        ("cpu", False),
    ]
    paused: Any = new_client.post("/api/v1/queues/gpu/pause", json={}).json
    assert [each["paused"] for each in paused["queues"]] == [True, False]
    assert paused["queues"][0]["paused_since"].endswith("Z")
    resumed: Any = new_client.post("/api/v1/queues/gpu/resume", json={}).json
    assert [each["paused"] for each in resumed["queues"]] == [False, False]
    unknown: Any = new_client.post("/api/v1/queues/tpu/pause", json={})
    assert (unknown.status_code, unknown.json["detail"]) == (
        404,
        "There is no queue 'tpu'; expected one of gpu, cpu.",
    )
