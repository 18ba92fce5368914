import pytest
import yaml
from flask.testing import FlaskClient

from tests.web.conftest import SubmitForm
from tests.web.population import Population
from worker.jobs.database import open_session
from worker.jobs.records import checkpoints


def test_a_page_says_where_a_checkpoint_comes_from_and_what_it_is_worth(
    client: FlaskClient, population: Population
) -> None:
    page = client.get("/checkpoints/2").text
    assert f'href="/jobs/{population.trained}"' in page
    for job_id in (population.evaluated, population.refined):
        assert page.count(f'href="/jobs/{job_id}"') == 2  # as a score, and as a user
    assert "used it; delete these first" in page
    with open_session(population.settings) as session:
        assert checkpoints.get(session, 2).sha256 in page
    assert yaml.safe_load(client.get("/checkpoints/2/config.yaml").text)["DATASET"]["N_CLASSES"] == 3


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_the_file_is_sent_whole_and_in_parts(client: FlaskClient, population: Population, prefix: str) -> None:
    address = f"{prefix}/checkpoints/2/file"
    with open_session(population.settings) as session:
        found = checkpoints.get(session, 2)
    whole = client.get(address, buffered=True)
    assert whole.data == found.path.read_bytes()
    assert whole.headers["ETag"] == f'"{found.sha256}"'
    rest = client.get(address, headers={"Range": "bytes=1000-", "If-Range": whole.headers["ETag"]}, buffered=True)
    assert (rest.status_code, rest.data) == (206, whole.data[1000:])


def test_an_alias_is_given_leads_to_the_page_and_is_removed(
    client: FlaskClient, submit_form: SubmitForm, population: Population
) -> None:
    submit_form("/checkpoints/1/alias", alias="baseline")
    assert "<h1>\n      baseline" in client.get("/checkpoints/1").text
    assert client.get("/checkpoints/baseline").headers["Location"] == "/checkpoints/1"
    assert ">baseline</span>" in client.get("/checkpoints").text
    assert "champion · checkpoint" not in client.get("/jobs/new/segment").text
    assert "baseline · checkpoint 1" in client.get("/jobs/new/segment").text
    answer = submit_form("/checkpoints/1/alias", alias="Nr. 1")
    assert "An alias has up to 64" in client.get(answer.headers["Location"]).text
    moved = client.put("/api/v1/aliases/baseline", json={"checkpoint": 2})
    assert (moved.status_code, moved.get_json()["checkpoint_id"]) == (200, 2)
    moves = client.get("/api/v1/aliases/baseline").get_json()["moves"]
    assert [(each["from_id"], each["to_id"]) for each in moves] == [(1, 2), (None, 1)]
    assert client.get("/api/v1/checkpoints/baseline").get_json()["id"] == 2
    assert client.get("/api/v1/aliases/champion").status_code == 404
    submit_form("/aliases/baseline/remove")
    assert client.get("/api/v1/aliases").get_json()["aliases"] == []
    assert "history" in client.get("/checkpoints/1").text.lower()


def test_a_checkpoint_is_deleted_after_a_question(
    client: FlaskClient, submit_form: SubmitForm, population: Population
) -> None:
    job_id = population.submit("train", config=str(population.dataset / "config.yaml"))
    fence = population.claim(job_id)
    number = population.save_checkpoint(job_id, fence, 10)
    assert client.delete(f"/api/v1/checkpoints/{number}").status_code == 409
    population.finish(job_id, fence, "failed", error="Because.")
    assert f'data-confirm="Deleting checkpoint {number} deletes' in client.get(f"/checkpoints/{number}").text
    assert client.get(f"/api/v1/checkpoints/{number}/loss").get_json()["is_last"]
    submit_form(f"/checkpoints/{number}/delete")
    assert client.get(f"/checkpoints/{number}").status_code == 404
