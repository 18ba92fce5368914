from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.web.api.conftest import errors_of, get
from tests.web.population import Population
from tests.web.scenes import make_dataset


def test_datasets_are_listed(client: FlaskClient, population: Population) -> None:
    assert get(client, "/datasets")["datasets"][-1]["name"] == "shapes"


def test_register_a_dataset(client: FlaskClient, population: Population) -> None:
    root = make_dataset(population.root / "over-api")
    response: Any = client.post("/api/v1/datasets", json={"name": "over-api", "root": str(root)})
    assert response.status_code == 201
    assert (response.json["n_classes"], response.json["splits"]) == (3, {"train": 3, "val": 1})
    assert (response.json["passed_over"], response.json["other_texts"]) == ({}, {})
    again: Any = client.post("/api/v1/datasets", json={"name": "over-api", "root": str(root)})
    assert again.status_code == 422
    assert "already" in errors_of(again)["name"]


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
    assert sorted(errors_of(response)) == sorted(fields)


def test_check_a_dataset(client: FlaskClient, population: Population) -> None:
    root = make_dataset(population.root / "checked-over-api")
    client.post("/api/v1/datasets", json={"name": "checked-over-api", "root": str(root)})
    (root / "images/0.png").unlink()
    response: Any = client.post("/api/v1/datasets/checked-over-api/check", json={})
    assert response.status_code == 200
    train, val = response.json["splits"]
    assert (train["n_read"], train["missing"]) == (2, [f"{root}/images/0"])
    assert (val["n_read"], val["n_left"]) == (1, 0)
    assert client.post("/api/v1/datasets/none/check", json={}).status_code == 404
    assert client.post("/api/v1/datasets/none/check").status_code == 415
