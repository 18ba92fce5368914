from pathlib import Path

from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from tests.web.conftest import settings_in
from tests.web.population import Population
from tests.web.visitors import token_of
from web import create_app
from worker.jobs.accounts.roles import VIEWER
from worker.jobs.database import engine_for
from worker.jobs.settings import Settings


def read_metrics(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """The values of each metric, by the values of its labels."""
    families = text_string_to_metric_families(text)
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples} for family in families
    }


def test_a_process_lives_whatever_is_away(tmp_path: Path) -> None:
    settings = settings_in(tmp_path).model_copy(
        update={"database_url": "postgresql://127.0.0.1:1/none", "auth": "auto"}
    )
    client = create_app(settings).test_client()
    client.set_cookie("deeplab_session", "anything")
    response = client.get("/healthz", headers={"Host": "10.1.2.3:8000"})
    assert (response.status_code, response.json) == (200, {"status": "ok"})


def test_a_platform_whose_parts_answer_is_ready(client: FlaskClient) -> None:
    response = client.get("/readyz", headers={"Host": "10.1.2.3:8000"})
    assert response.status_code == 200
    answer = response.get_json()
    assert answer["status"] == "ready"
    assert set(answer["checks"]) == {"database", "revision", "broker", "storage"}
    assert all(set(check) == {"ok", "milliseconds"} for check in answer["checks"].values())


def test_what_is_away_is_named_and_nothing_else_is_said(new_settings: Settings, stranger: FlaskClient) -> None:
    response = stranger.get("/readyz")  # there is no broker
    assert response.status_code == 503
    answer = response.get_json()
    assert answer["status"] == "not ready"
    assert [name for name, check in answer["checks"].items() if not check["ok"]] == ["broker"]
    assert str(new_settings.home) not in response.text


def test_tables_of_another_revision_are_not_ready(new_settings: Settings, new_client: FlaskClient) -> None:
    with engine_for(new_settings.database).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    checks = new_client.get("/readyz").get_json()["checks"]
    assert (checks["database"]["ok"], checks["revision"]["ok"]) == (True, False)


def test_metrics_say_what_the_platform_does(client: FlaskClient, population: Population) -> None:
    response = client.get("/metrics")
    assert response.content_type.startswith("text/plain")
    found = read_metrics(response.text)
    assert found["deeplab_jobs"]["train", "gpu", "succeeded"] >= 1
    assert found["deeplab_attempts"][("succeeded",)] >= 1
    assert found["deeplab_attempts"][("out of memory",)] == 0
    assert found["deeplab_slots"] == {("gpu",): 1, ("cpu",): 0}
    assert found["deeplab_workers"][("gpu",)] == 1
    assert found["deeplab_disk_free_bytes"][(str(population.settings.home),)] > 0
    assert set(found["deeplab_oldest_queued_seconds"]) == {("gpu",), ("cpu",)}


def test_metrics_take_a_token(guarded: Settings, stranger: FlaskClient) -> None:
    assert stranger.get("/metrics").status_code == 401
    token = token_of(guarded, "vera", VIEWER)
    assert stranger.get("/metrics", headers={**token, "Host": "10.1.2.3:8000"}).status_code == 200
    assert stranger.get("/metrics", headers={"Host": "evil.example"}).status_code == 400
