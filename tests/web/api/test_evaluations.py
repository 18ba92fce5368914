from flask.testing import FlaskClient

from tests.web.api.conftest import get
from tests.web.population import Population


def test_evaluations_are_listed_the_newest_first(client: FlaskClient, population: Population) -> None:
    every = [each["id"] for each in get(client, "/evaluations")["evaluations"]]
    assert every == sorted(every, reverse=True)
    of_one = get(client, "/evaluations", checkpoint="2")["evaluations"]
    assert [each["job_id"] for each in of_one] == [population.refined, population.evaluated]
    assert get(client, "/evaluations", checkpoint="4")["evaluations"] == []


def test_a_list_has_no_confusion_matrices_and_continues(client: FlaskClient, population: Population) -> None:
    first = get(client, "/evaluations", limit=1, checkpoint="2")
    assert "scores" not in first["evaluations"][0]
    second = get(client, "/evaluations", limit=1, checkpoint="2", before=first["next_before"])
    assert [each["job_id"] for each in second["evaluations"]] == [population.evaluated]
    assert second["next_before"] is None


def test_a_confusion_matrix_comes_with_orders_of_its_classes(client: FlaskClient, population: Population) -> None:
    found = get(client, f"/evaluations/{population.evaluated}/confusion")
    assert found["labels"] == ["ground", "disc", "bar"]
    assert found["counts"] == [[900, 60, 40], [30, 260, 10], [20, 60, 120]]
    assert found["orders"]["error"] == [2, 1, 0]
    assert sorted(found["orders"]["similarity"]) == [0, 1, 2]
