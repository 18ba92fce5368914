from flask.testing import FlaskClient

from tests.web.api.conftest import get
from tests.web.population import Population


def test_evaluations_are_listed_the_newest_first(client: FlaskClient, population: Population) -> None:
    evaluations = get(client, "/evaluations")["evaluations"]
    assert [each["job_id"] for each in evaluations][-2:] == [population.refined, population.evaluated]


def test_a_confusion_matrix_comes_with_orders_of_its_classes(client: FlaskClient, population: Population) -> None:
    found = get(client, f"/evaluations/{population.evaluated}/confusion")
    assert found["labels"] == ["ground", "disc", "bar"]
    assert found["counts"] == [[900, 60, 40], [30, 260, 10], [20, 60, 120]]
    assert found["orders"]["error"] == [2, 1, 0]
    assert sorted(found["orders"]["similarity"]) == [0, 1, 2]
