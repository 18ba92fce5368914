from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.web.api.conftest import errors_of, get
from tests.web.population import Population
from worker.jobs import leases
from worker.jobs.records import metrics


def test_metrics_from_an_iteration_on(client: FlaskClient, population: Population) -> None:
    path = f"/jobs/{population.running}/metrics"
    everything = get(client, path)
    assert everything["state"] == "running"
    assert set(everything["metrics"]) == {"loss", "lr/group0"}
    assert [point[0] for point in everything["metrics"]["loss"]] == list(range(20, 481, 20))
    assert get(client, path, name="loss", after=460)["metrics"] == {"loss": [everything["metrics"]["loss"][-1]]}
    assert get(client, path, name="loss", until=20)["metrics"] == {"loss": [everything["metrics"]["loss"][0]]}
    assert get(client, path, name="nothing")["metrics"] == {}
    assert client.get("/api/v1/jobs/999999/metrics").status_code == 404


def test_a_chart_asks_for_no_more_than_it_can_draw(client: FlaskClient, population: Population) -> None:
    path = f"/jobs/{population.running}/metrics"
    everything = get(client, path)["metrics"]
    assert get(client, path, points=1000)["metrics"] == everything
    few = get(client, path, points=6)["metrics"]
    assert len(few["loss"]) <= 6
    assert few["loss"][-1] == everything["loss"][-1]
    assert min(value for _, value in few["loss"]) == min(value for _, value in everything["loss"])


@pytest.mark.parametrize("query", [{"points": "2"}, {"points": "10001"}, {"after": "x"}, {"until": "-1"}])
def test_bad_queries_name_the_parameter(client: FlaskClient, population: Population, query: dict[str, Any]) -> None:
    response = client.get(f"/api/v1/jobs/{population.running}/metrics", query_string=query)
    assert list(errors_of(response)) == list(query)


def test_every_value_of_a_long_training_is_sent_in_parts(
    client: FlaskClient, population: Population, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/jobs/{population.trained}/metrics"
    everything = get(client, path)
    monkeypatch.setattr("web.api.metrics._PART", 7)
    assert get(client, path) == everything
    assert len(everything["metrics"]["loss"]) == 60


def test_a_metric_that_is_no_number_is_null(client: FlaskClient, population: Population) -> None:
    job_id = population.submit("train", config=str(population.dataset / "config.yaml"))
    fence = population.claim(job_id)
    with leases.fenced(population.settings, job_id, fence) as session:
        metrics.add(session, job_id, 1, {"loss": float("inf")})
    assert get(client, f"/jobs/{job_id}/metrics")["metrics"] == {"loss": [[1, None]]}
    assert get(client, f"/jobs/{job_id}/metrics", points=10)["metrics"] == {"loss": [[1, None]]}
