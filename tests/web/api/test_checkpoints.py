from dataclasses import fields
from typing import Any

from flask.testing import FlaskClient

from tests.web.api.conftest import get
from tests.web.population import Population
from worker.jobs.records.checkpoints import Checkpoint


def test_checkpoints_have_all_fields_and_the_best_is_marked(client: FlaskClient) -> None:
    checkpoints = get(client, "/checkpoints")["checkpoints"]
    assert set(checkpoints[0]) == {field.name for field in fields(Checkpoint)}
    is_best = {each["id"]: each["is_best"] for each in checkpoints}
    assert [is_best[checkpoint_id] for checkpoint_id in (1, 2, 3, 4)] == [False, False, True, False]


def test_a_crf_does_not_raise_the_score_of_its_checkpoint(client: FlaskClient, population: Population) -> None:
    checkpoint = get(client, "/checkpoints/2")
    evaluated, refined = (
        get(client, f"/jobs/{job_id}")["evaluation"] for job_id in (population.evaluated, population.refined)
    )
    assert refined["mean_iou"] > evaluated["mean_iou"]
    assert (checkpoint["mean_iou"], checkpoint["split"]) == (evaluated["mean_iou"], "val")
    (other,) = checkpoint["other_scores"]
    assert (other["mean_iou"], other["split"], other["conditions"]) == (refined["mean_iou"], "val", ["CRF"])
    assert checkpoint["config"]["DATASET"]["N_CLASSES"] == 3


def test_lists_continue_and_have_the_fields_that_are_asked_for(client: FlaskClient, population: Population) -> None:
    first = get(client, "/checkpoints", limit=3, fields="id,iteration", job=population.trained)
    assert first == {"checkpoints": [{"id": 2, "iteration": 1200}, {"id": 1, "iteration": 600}], "next_before": None}
    newest = get(client, "/checkpoints", limit=1)
    older = get(client, "/checkpoints", limit=1, before=newest["next_before"])
    assert older["checkpoints"][0]["id"] < newest["checkpoints"][0]["id"]
    assert client.get("/api/v1/checkpoints/99999").status_code == 404


def test_a_checkpoint_is_pinned(client: FlaskClient) -> None:
    for pinned in (True, False):
        answer: Any = client.patch("/api/v1/checkpoints/1", json={"pinned": pinned})
        assert (answer.status_code, answer.json["pinned"]) == (200, pinned)
    for body in ({"pinned": "yes"}, {}, {"pinned": True, "path": "/"}):
        assert client.patch("/api/v1/checkpoints/1", json=body).status_code == 422
    assert client.patch("/api/v1/checkpoints/999999", json={"pinned": True}).status_code == 404
