import pytest

from tests.web.scenes import make_dataset
from tests.web.visitors import signed_in_as, token_of
from tests.worker.jobs.accounts.people import add_person
from web import create_app
from worker.jobs import jobs, submission
from worker.jobs.accounts import users
from worker.jobs.accounts.roles import ADMIN, OPERATOR
from worker.jobs.database import open_session
from worker.jobs.records import events
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings


@pytest.fixture
def shared(new_settings: Settings) -> Settings:
    """A store with otto and olga, who operate, and ada, an admin."""
    settings = new_settings.model_copy(update={"auth": "auto"})
    make_dataset(settings.roots[0] / "shapes")
    with open_session(settings) as session:
        for role, name in ((OPERATOR, "otto"), (OPERATOR, "olga"), (ADMIN, "ada")):
            add_person(session, role, name)
    return settings


def submit_as(settings: Settings, name: str | None) -> int:
    with open_session(settings, reads_only=True) as session:
        user_id = None if name is None else users.get(session, name).id
    spec = parse_spec("train", {"config": str(settings.roots[0] / "shapes" / "config.yaml")})
    return submission.submit(settings, spec, user_id=user_id).id


def state(settings: Settings, job_id: int) -> str:
    with open_session(settings, reads_only=True) as session:
        return jobs.get(session, job_id).state


@pytest.mark.parametrize(
    ("owner", "who", "status"),
    [("otto", "otto", 200), ("otto", "olga", 403), ("otto", "ada", 200), (None, "otto", 403), (None, "ada", 200)],
)
def test_an_operator_cancels_own_jobs_and_an_admin_all(
    shared: Settings, owner: str | None, who: str, status: int
) -> None:
    job_id = submit_as(shared, owner)
    client, token = create_app(shared).test_client(), token_of(shared, who, OPERATOR if who != "ada" else ADMIN)
    answer = client.post(f"/api/v1/jobs/{job_id}/cancel", json={}, headers=token)
    assert answer.status_code == status
    assert state(shared, job_id) == ("cancelled" if status == 200 else "queued")
    page = signed_in_as(shared, who).get(f"/jobs/{submit_as(shared, owner)}").text
    assert (">Cancel</button>" in page) == (status == 200)
    if status == 403:
        whose = "submitted by otto" if owner else "submitted on the command line"
        assert answer.get_json()["detail"] == f"Job {job_id} was {whose}; only an admin can cancel it."


def test_an_admin_s_token_of_less_rights_cancels_own_jobs_alone(shared: Settings) -> None:
    client, token = create_app(shared).test_client(), token_of(shared, "ada", OPERATOR)
    foreign, own = submit_as(shared, "otto"), submit_as(shared, "ada")
    assert client.post(f"/api/v1/jobs/{foreign}/cancel", json={}, headers=token).status_code == 403
    assert client.post(f"/api/v1/jobs/{own}/cancel", json={}, headers=token).status_code == 200


def test_several_at_once_are_refused_one_by_one(shared: Settings) -> None:
    own, foreign = submit_as(shared, "otto"), submit_as(shared, "olga")
    client, token = create_app(shared).test_client(), token_of(shared, "otto", OPERATOR)
    answer = client.post("/api/v1/jobs/cancel", json={"jobs": [own, foreign]}, headers=token).get_json()
    assert [job["id"] for job in answer["jobs"]] == [own]
    assert [job["id"] for job in answer["refused"]] == [foreign]


def test_jobs_and_what_happens_to_them_name_people(shared: Settings) -> None:
    client, otto, olga = (
        create_app(shared).test_client(),
        *(token_of(shared, each, OPERATOR) for each in ("otto", "olga")),
    )
    config = str(shared.roots[0] / "shapes" / "config.yaml")
    job = client.post("/api/v1/jobs", json={"kind": "train", "config": config}, headers=otto).get_json()
    assert job["user"] == "otto"
    client.post(f"/api/v1/jobs/{job['id']}/cancel", json={}, headers=token_of(shared, "ada", ADMIN))
    again = client.post(f"/api/v1/jobs/{job['id']}/retry", json={}, headers=olga).get_json()
    clone = client.post(f"/api/v1/jobs/{job['id']}/clone", json={}, headers=olga).get_json()
    assert (again["user"], clone["user"]) == ("olga", "olga")
    with open_session(shared, reads_only=True) as session:
        happened = [(event.message, event.user) for event in events.list_events(session, job["id"])]
    assert happened == [("submitted", "otto"), ("cancelled", "ada")]
    page = signed_in_as(shared, "otto").get(f"/jobs/{job['id']}").text
    assert "by otto" in page
    assert "cancelled by ada" in page
    listed = client.get("/api/v1/jobs?user=olga", headers=otto).get_json()
    assert [each["id"] for each in listed["jobs"]] == [clone["id"], again["id"]]
    assert listed["counts"]["queued"] == 2
    assert client.get("/api/v1/jobs?user=nobody", headers=otto).get_json()["jobs"] == []
    page = signed_in_as(shared, "otto").get("/jobs?user=olga").text
    assert '<option value="olga" selected>' in page
    assert f'/jobs/{job["id"]}"' not in page
    registered = client.post(
        "/api/v1/datasets", json={"name": "shapes", "root": str(shared.roots[0] / "shapes")}, headers=otto
    )
    assert registered.get_json()["user"] == "otto"
