from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.web.api.conftest import errors_of, get
from tests.web.population import OWNER, Population
from tests.web.scenes import make_dataset
from worker.jobs import jobs
from worker.jobs.database import open_session
from worker.jobs.settings import Settings


def test_submit_returns_the_job_and_where_it_is(client: FlaskClient, population: Population) -> None:
    request = {"kind": "train", "config": str(population.dataset / "config.yaml"), "dataset": "shapes", "seed": 5}
    response = client.post("/api/v1/jobs", json=request)
    assert response.status_code == 201
    job: Any = response.json
    assert response.headers["Location"] == f"/api/v1/jobs/{job['id']}"
    assert (job["state"], job["spec"]["seed"], job["fraction"]) == ("queued", 5, 0.0)
    assert job["notice"] is None
    assert get(client, f"/jobs/{job['id']}")["config"]["DATASET"]["ROOT"] == str(population.dataset)


def test_a_submission_without_a_broker_says_so(new_client: FlaskClient, new_settings: Settings) -> None:
    dataset = make_dataset(new_settings.roots[0] / "shapes")
    response: Any = new_client.post("/api/v1/jobs", json={"kind": "train", "config": str(dataset / "config.yaml")})
    assert response.status_code == 201
    assert "broker cannot be reached" in response.json["notice"]


@pytest.mark.parametrize(
    ("request_", "field", "sentence"),
    [
        ({}, "kind", "must be one of train, evaluate, crf, segment"),
        ({"kind": ["train"]}, "kind", "must be one of"),
        ({"kind": "paint"}, "kind", "must be one of"),
        ({"kind": "train"}, "config", "is required."),
        ({"kind": "train", "config": 5}, "config", "must be text"),
        ({"kind": "train", "config": "x", "overrides": ["A=1", 5]}, "overrides/1", "must be text"),
        ({"kind": "train", "config": "/etc/passwd"}, "config", "is outside"),
        ({"kind": "train", "config": "x", "colour": "red"}, "colour", "is not a field"),
        ({"kind": "evaluate", "checkpoint": "77"}, "checkpoint", "no checkpoint 77"),
        ({"kind": "crf", "evaluate_job": 10**12}, "evaluate_job", "must be at most"),
        ({"kind": "segment", "checkpoint": "2", "input": "a\0b"}, "input", "must be one line of plain text"),
    ],
)
def test_bad_requests_name_the_field(client: FlaskClient, request_: dict[str, Any], field: str, sentence: str) -> None:
    response = client.post("/api/v1/jobs", json=request_)
    assert response.status_code == 422
    assert sentence in errors_of(response)[field]
    assert f"{field.partition('/')[0]}: {errors_of(response)[field]}" in response.json["detail"]  # type: ignore[index]


def test_a_job_has_all_fields_its_evaluation_and_its_checkpoints(client: FlaskClient, population: Population) -> None:
    job = get(client, f"/jobs/{population.trained}")
    assert set(jobs.Job.__dataclass_fields__) <= set(job)
    assert job["evaluation"] is None
    assert [(each["id"], each["iteration"]) for each in job["checkpoints"]] == [(2, 1200), (1, 600)]
    assert job["checkpoints"][0]["mean_iou"] == pytest.approx(0.652, abs=1e-3)
    assert job["trials"] == []
    assert (job["attempts"], [attempt["outcome"] for attempt in job["history"]]) == (1, ["succeeded"])
    assert job["events"][0]["message"] == "submitted"
    trials = get(client, f"/jobs/{population.searched}")["trials"]
    assert len(trials) == 6
    assert [trial["setting"] for trial in trials if trial["best"]] == [{"BI_W": 8, "BI_XY_STD": 40}]
    evaluation = get(client, f"/jobs/{population.evaluated}")["evaluation"]
    assert evaluation["scores"]["labels"] == ["ground", "disc", "bar"]
    assert evaluation["mean_iou"] == pytest.approx(0.652, abs=1e-3)


def test_lists_filter_and_page(client: FlaskClient, population: Population) -> None:
    everything = get(client, "/jobs", limit=500)
    assert everything["next_before"] is None
    numbers = [job["id"] for job in everything["jobs"]]
    assert numbers == sorted(numbers, reverse=True)
    first = get(client, "/jobs", limit=3)
    second = get(client, "/jobs", limit=3, before=first["next_before"])
    assert [job["id"] for job in first["jobs"] + second["jobs"]] == numbers[:6]
    failed = get(client, "/jobs", kind="train", state="failed", limit=500)["jobs"]
    assert population.failed in [job["id"] for job in failed]
    assert {(job["kind"], job["state"]) for job in failed} == {("train", "failed")}
    assert everything["counts"]["running"] == sum(job["state"] == "running" for job in everything["jobs"])


def test_a_list_has_no_configurations_unless_it_is_asked_for_them(client: FlaskClient, population: Population) -> None:
    listed = get(client, "/jobs", limit=1)["jobs"][0]
    assert not {"config", "notes"} & set(listed)
    assert (listed["model"], "fraction" in listed) == ("DeepLabV2_ResNet50_MSC", True)
    chosen = get(client, "/jobs", kind="train", dataset="shapes", limit=1, fields="fraction,config,state")["jobs"][0]
    assert list(chosen) == ["fraction", "config", "state"]
    assert chosen["config"]["MODEL"]["NAME"] == "DeepLabV2_ResNet50_MSC"


@pytest.mark.parametrize(
    "query",
    [
        {"kind": "paint"},
        {"state": "x"},
        {"limit": "501"},
        {"limit": "-1"},
        {"limit": "0"},
        {"before": "x"},
        {"before": 2**40},
        {"serach": "x"},
        {"fields": "id,colour"},
    ],
)
def test_bad_queries_name_the_parameter(client: FlaskClient, query: dict[str, Any]) -> None:
    response = client.get("/api/v1/jobs", query_string=query)
    assert response.status_code == 400
    assert list(errors_of(response)) == list(query)
    sentences = [f"{name} {sentence}" for name, sentence in errors_of(response).items()]
    assert response.json["detail"] == " ".join(sentences)  # type: ignore[index]


@pytest.mark.parametrize("path", ["/workers", "/datasets", "/evaluations", "/checkpoints", "/folders", "/jobs/1"])
def test_a_parameter_that_an_address_does_not_have_is_refused(client: FlaskClient, path: str) -> None:
    response = client.get(f"/api/v1{path}?colour=red")
    assert response.status_code == 400
    assert "colour is not a parameter of this address" in response.json["detail"]  # type: ignore[index]


def test_a_name_and_notes_are_given_and_changed(client: FlaskClient, population: Population) -> None:
    request = {"kind": "evaluate", "checkpoint": "2", "name": "Second try", "notes": "wider"}
    job: Any = client.post("/api/v1/jobs", json=request).json
    assert (job["name"], job["notes"], "name" in job["spec"]) == ("Second try", "wider", False)
    address = f"/api/v1/jobs/{job['id']}"
    edited: Any = client.patch(address, json={"notes": "narrower"}).json
    assert (edited["name"], edited["notes"]) == ("Second try", "narrower")
    assert [each["id"] for each in get(client, "/jobs", search="second TRY")["jobs"]] == [job["id"]]
    refused: Any = client.patch(address, json={"name": "a\nb", "seed": 3})
    assert (refused.status_code, set(errors_of(refused))) == (422, {"name", "seed"})
    assert client.patch("/api/v1/jobs/999999", json={"name": "x"}).status_code == 404
    again: Any = client.post(f"{address}/cancel", json={})
    retried: Any = client.post(f"{address}/retry", json={})
    assert (again.json["state"], retried.json["name"], retried.json["is_retry"]) == ("cancelled", "Second try", True)


def test_several_jobs_at_once(client: FlaskClient, population: Population) -> None:
    first, second = (population.submit("evaluate", checkpoint="1") for _ in range(2))
    ids = [first, second, population.trained, 999999, first]
    answer: Any = client.post("/api/v1/jobs/cancel", json={"jobs": ids}).json
    assert [(job["id"], job["state"]) for job in answer["jobs"]] == [(first, "cancelled"), (second, "cancelled")]
    assert [each["id"] for each in answer["refused"]] == [population.trained, 999999]
    assert "only queued and running jobs can be cancelled" in answer["refused"][0]["message"]
    again: Any = client.post("/api/v1/jobs/retry", json={"jobs": [first, population.trained]}).json
    assert [job["parent_id"] for job in again["jobs"]] == [first]
    assert [each["id"] for each in again["refused"]] == [population.trained]


@pytest.mark.parametrize("body", [{}, {"jobs": []}, {"jobs": ["1"]}, {"jobs": [True]}, {"jobs": [0]}, {"ids": [1]}])
def test_lists_of_jobs_that_are_none_are_refused(client: FlaskClient, body: dict[str, Any]) -> None:
    assert client.post("/api/v1/jobs/cancel", json=body).status_code == 422


def test_cancel(client: FlaskClient, population: Population) -> None:
    job_id = population.submit("evaluate", checkpoint="1")
    assert client.post(f"/api/v1/jobs/{job_id}/cancel", json={}).json["state"] == "cancelled"  # type: ignore[index]
    again = client.post(f"/api/v1/jobs/{job_id}/cancel", json={})
    assert again.status_code == 409
    assert "only queued and running jobs can be cancelled" in again.json["detail"]  # type: ignore[index]
    assert client.post("/api/v1/jobs/999999/cancel", json={}).status_code == 404


def test_retry_of_failed_images(client: FlaskClient, population: Population) -> None:
    address = f"/api/v1/jobs/{population.segmented}/retry"
    again: Any = client.post(address, json={"failed": True})
    assert again.status_code == 201
    assert again.json["spec"]["only_failed_of"] == population.segmented
    assert client.post(address, json={"failed": False}).status_code == 409
    assert client.post(address, json={"failed": "yes"}).status_code == 422
    assert client.post(address, json={"images": []}).status_code == 422
    assert client.post(f"/api/v1/jobs/{population.trained}/retry", json={"failed": True}).status_code == 409


def test_retry_and_clone(client: FlaskClient, population: Population) -> None:
    again: Any = client.post(f"/api/v1/jobs/{population.failed}/retry", json={})
    assert again.status_code == 201
    assert again.json["parent_id"] == population.failed
    assert client.post(f"/api/v1/jobs/{population.trained}/retry", json={}).status_code == 409
    clone: Any = client.post(f"/api/v1/jobs/{population.trained}/clone", json={"seed": 12})
    assert (clone.status_code, clone.json["spec"]["seed"], clone.json["spec"]["dataset"]) == (201, 12, "shapes")
    outside: Any = client.post(f"/api/v1/jobs/{population.trained}/clone", json={"config": "/etc/passwd"})
    assert outside.status_code == 422
    assert list(errors_of(outside)) == ["config"]


def test_log_and_events(client: FlaskClient, population: Population) -> None:
    log = get(client, f"/jobs/{population.running}/log")
    assert log["fence"] == 1
    assert log["log"].endswith("\n")
    assert "iteration   480" in log["log"]
    assert len(get(client, f"/jobs/{population.running}/log", bytes=100)["log"]) < 100
    assert get(client, f"/jobs/{population.queued}/log") == {"fence": 0, "log": "", "until": 0}
    told = get(client, f"/jobs/{population.running}/events")
    assert [event["message"] for event in told["events"]] == ["submitted", f"claimed by {OWNER}"]
    assert [attempt["owner"] for attempt in told["history"]] == [OWNER]
    for part in ("metrics", "log", "events", "items"):
        assert client.get(f"/api/v1/jobs/999999/{part}").status_code == 404


def test_items_of_a_segment_job(client: FlaskClient, population: Population) -> None:
    path = f"/jobs/{population.segmented}/items"
    everything = get(client, path)
    assert (everything["n_items"], everything["n_errors"], everything["next_cursor"]) == (6, 1, None)
    assert [item["path"] for item in everything["items"]] == sorted(item["path"] for item in everything["items"])
    item = everything["items"][0]
    assert (item["path"], item["status"], item["width"]) == ("000.jpg", "ok", 64)
    assert sum(each["pixels"] for each in item["classes"]) == 48 * 64
    assert client.get(f"/jobs/{population.segmented}/masks/{item['key']}").status_code == 200
    assert [each["path"] for each in get(client, path, only="errors")["items"]] == ["broken.jpg"]
    assert get(client, path, **{"class": 1}, max_share=100)["n_items"] == 5
    refused = client.get(f"/api/v1/jobs/{population.trained}/items")
    assert refused.status_code == 404
    assert "have no results of images" in refused.json["detail"]  # type: ignore[index]


def test_items_page_by_page(client: FlaskClient, population: Population) -> None:
    path = f"/jobs/{population.segmented}/items"
    first = get(client, path, limit=4)
    second = get(client, path, limit=4, cursor=first["next_cursor"])
    assert [len(page["items"]) for page in (first, second)] == [4, 2]
    assert second["next_cursor"] is None
    assert get(client, path, limit=4, cursor=second["previous_cursor"])["items"] == first["items"]
    wrong = client.get(f"/api/v1{path}?class=a")
    assert errors_of(wrong) == {"class": "must be a class from 0 to 255, got 'a'."}


def test_items_of_an_evaluation(client: FlaskClient, population: Population) -> None:
    [item] = get(client, f"/jobs/{population.evaluated}/items")["items"]
    assert item["path"] == "3"
    assert item["mean_iou"] > 0.5
    assert {each["index"]: each["iou"] is None for each in item["classes"]} == {0: False, 1: False, 2: False}


def test_the_submission_is_in_the_store(client: FlaskClient, population: Population) -> None:
    response: Any = client.post("/api/v1/jobs", json={"kind": "evaluate", "checkpoint": "2", "save_logits": False})
    with open_session(population.settings, reads_only=True) as session:
        assert jobs.get(session, response.json["id"]).spec["save_logits"] is False


@pytest.mark.parametrize("field", ["config", "checkpoint", "input", "output"])
def test_a_name_that_is_too_long_is_an_error_of_its_field(
    client: FlaskClient, population: Population, field: str
) -> None:
    kind = "train" if field == "config" else "segment"
    fields = {"checkpoint": "2", "input": str(population.folder)} if kind == "segment" else {}
    path = f"{population.root}/{'x' * 300}" + (".yaml" if field == "config" else "")
    response = client.post("/api/v1/jobs", json={"kind": kind, **fields, field: path})
    assert response.status_code == 422
    # From Python 3.14 on, a path that cannot be is a path at which there is nothing.
    sentences = ("File name too long", "the folder does not exist", "nor a file")
    assert any(each in errors_of(response)[field] for each in sentences)


def test_a_job_is_deleted_unless_others_refer_to_it(client: FlaskClient, population: Population) -> None:
    job_id = population.submit("train", config=str(population.dataset / "config.yaml"), dataset="shapes")
    assert client.delete(f"/api/v1/jobs/{job_id}").status_code == 409  # it is queued
    client.post(f"/api/v1/jobs/{job_id}/cancel", json={})
    loss: Any = client.get(f"/api/v1/jobs/{job_id}/loss").json
    assert loss["sentence"] == f"Deleting job {job_id} deletes its logs and metrics."
    assert client.delete(f"/api/v1/jobs/{job_id}").json == loss
    assert client.get(f"/api/v1/jobs/{job_id}").status_code == 404
    refused: Any = client.delete(f"/api/v1/jobs/{population.trained}")
    assert refused.status_code == 409
    assert "refer to what it made" in refused.json["detail"]
    assert client.get(f"/api/v1/jobs/{population.trained}").status_code == 200


def test_a_chain_is_submitted_in_three_calls(client: FlaskClient, population: Population) -> None:
    def submit(**request: Any) -> Any:
        response = client.post("/api/v1/jobs", json=request)
        assert response.status_code == 201, response.json
        return response.json

    trained = submit(kind="train", config=str(population.dataset / "config.yaml"), priority=-2)
    evaluated = submit(kind="evaluate", checkpoint=f"job:{trained['id']}", after=[trained["id"]])
    refined = submit(kind="crf", evaluate_job=evaluated["id"])
    assert [job["awaits_others"] for job in (trained, evaluated, refined)] == [False, True, True]
    assert get(client, f"/jobs/{refined['id']}")["obstacle"] == f"It waits for job {evaluated['id']}."
    client.post(f"/api/v1/jobs/{trained['id']}/cancel", json={})
    ended = get(client, f"/jobs/{refined['id']}")
    assert (ended["state"], ended["error"]) == (
        "cancelled",
        f"Job {evaluated['id']}, which it waits for, was cancelled.",
    )


def test_a_job_is_paused_resumed_and_prioritised(client: FlaskClient, population: Population) -> None:
    address = f"/api/v1/jobs/{population.submit('evaluate', checkpoint='1')}"
    paused: Any = client.post(f"{address}/pause", json={}).json
    assert paused["held_at"].endswith("Z")
    assert client.post(f"{address}/pause", json={}).status_code == 409
    resumed: Any = client.post(f"{address}/resume", json={}).json
    assert resumed["held_at"] is None
    edited: Any = client.patch(address, json={"priority": 4, "name": "urgent"}).json
    assert (edited["priority"], edited["name"]) == (4, "urgent")
    for wrong in (11, "high", True, 10**40):
        assert client.patch(address, json={"priority": wrong}).status_code == 422
    assert get(client, f"/jobs/{paused['id']}")["priority"] == 4
