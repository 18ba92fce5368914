from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.deeplab.datasets.arrangements import arrange, draw_sources
from tests.web.api.conftest import errors_of, get
from tests.web.pages.test_datasets import report_on
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
    missing: Any = client.get("/api/v1/datasets/shapes/report")
    assert (missing.status_code, missing.json["detail"]) == (
        404,
        "shapes was not checked yet; POST /datasets/shapes/check does it.",
    )
    response: Any = client.post("/api/v1/datasets/shapes/check", json={})
    assert (response.status_code, response.json["kind"], response.json["dataset"]) == (201, "check", "shapes")
    assert response.headers["Location"] == f"/api/v1/jobs/{response.json['id']}"
    report_on(population, response.json["id"], "shapes")
    report = get(client, "/datasets/shapes/report")
    assert (report["job"], report["n_problems"]) == (response.json["id"], {"train": 0, "val": 0})
    assert [split["n_read"] for split in report["splits"]] == [3, 1]
    assert client.post("/api/v1/datasets/none/check", json={}).status_code == 404
    assert client.post("/api/v1/datasets/none/check").status_code == 415


def test_a_dataset_is_shown_refreshed_renamed_and_removed(client: FlaskClient, population: Population) -> None:
    root = make_dataset(population.root / "kept-over-api")
    client.post("/api/v1/datasets", json={"name": "kept", "root": str(root)})
    (root / "test.txt").write_text("3\n")
    refreshed: Any = client.post("/api/v1/datasets/kept/refresh", json={}).json
    assert (refreshed["is_new_version"], refreshed["splits"]["test"]) == (True, 1)
    renamed: Any = client.patch("/api/v1/datasets/kept", json={"name": "kept-2"})
    assert (renamed.json["name"], renamed.json["former_names"]) == ("kept-2", ["kept"])
    shown = get(client, "/datasets/kept")
    assert [(each["number"], each["n_jobs"]) for each in shown["versions"]] == [(2, 0), (1, 0)]
    assert client.patch("/api/v1/datasets/kept-2", json={"name": "shapes"}).status_code == 422
    removed: Any = client.delete("/api/v1/datasets/kept-2").json
    assert (removed["removed"], removed["jobs"], removed["root"]) == ("kept-2", [], str(root))
    assert client.get("/api/v1/datasets/kept-2").status_code == 404


def test_every_layout_is_registered(client: FlaskClient, population: Population) -> None:
    sources = draw_sources(population.root / "drawn", n=2, n_classes=4)
    arrange("voc", population.root / "voc", sources, sources)
    body = {"name": "voc", "root": str(population.root / "voc"), "layout": "voc"}
    response: Any = client.post("/api/v1/datasets", json=body)
    assert (response.status_code, response.json["splits"]) == (201, {"train": 2, "val": 2})
    assert client.post("/api/v1/datasets", json={**body, "layout": "vocs"}).status_code == 422
