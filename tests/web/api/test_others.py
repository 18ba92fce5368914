from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.web.population import OWNER, Population
from tests.web.scenes import make_dataset


def get(client: FlaskClient, path: str) -> Any:
    response = client.get(f"/api/v1{path}")
    assert response.status_code == 200, response.text
    return response.json


def test_health(client: FlaskClient) -> None:
    health = get(client, "/health")
    assert health["status"] == "ok"
    assert health["workers"] == [OWNER]
    assert set(health["jobs"]) == {"queued", "running", "succeeded", "failed", "cancelled"}


def test_lists(client: FlaskClient, population: Population) -> None:
    checkpoints = get(client, "/checkpoints")["checkpoints"]
    fields = {"id", "job_id", "iteration", "path", "sha256", "n_bytes", "created_at", "config", "mean_iou", "is_best"}
    assert fields == set(checkpoints[0])
    assert {each["id"]: each["is_best"] for each in checkpoints} == {1: False, 2: False, 3: True, 4: False}
    evaluations = get(client, "/evaluations")["evaluations"]
    assert [each["job_id"] for each in evaluations] == [population.refined, population.evaluated]
    workers = get(client, "/workers")["workers"]
    assert [(each["name"], each["alive"]) for each in workers] == [(OWNER, True), ("cpu@laboratory", False)]
    assert get(client, "/datasets")["datasets"][-1]["name"] == "shapes"


def test_register_a_dataset(client: FlaskClient, population: Population) -> None:
    root = make_dataset(population.root / "over-api")
    response: Any = client.post("/api/v1/datasets", json={"name": "over-api", "root": str(root)})
    assert response.status_code == 201
    assert (response.json["n_classes"], response.json["splits"]) == (3, {"train": 3, "val": 1})
    again: Any = client.post("/api/v1/datasets", json={"name": "over-api", "root": str(root)})
    assert again.status_code == 422
    assert "already" in again.json["error"]["fields"]["name"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["name", "root"]),
        ({"name": "x", "root": 5}, ["root"]),
        ({"name": "x", "root": "/etc"}, ["root"]),
        ({"name": "x", "root": "relative"}, ["root"]),
        ({"name": "x", "root": "{dataset}/\udcff"}, ["root"]),
        ({"name": "x", "root": "{dataset}\0"}, ["root"]),
        ({"name": "a b", "root": "{dataset}"}, ["name"]),
        ({"name": "x", "root": "{dataset}", "labels": "/etc/passwd"}, ["labels"]),
        ({"name": "x", "root": "{dataset}", "labels": "{dataset}/train.txt"}, ["labels"]),
        ({"name": "x", "root": "{dataset}", "colour": "red"}, ["colour"]),
    ],
)
def test_bad_datasets_name_the_field(
    client: FlaskClient, population: Population, body: dict[str, Any], fields: list[str]
) -> None:
    filled = {
        name: value.format(dataset=population.dataset) if isinstance(value, str) else value
        for name, value in body.items()
    }
    response = client.post("/api/v1/datasets", json=filled)
    assert response.status_code == 422
    assert sorted(response.json["error"]["fields"]) == sorted(fields)  # type: ignore[index]
