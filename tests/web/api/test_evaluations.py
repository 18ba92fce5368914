from flask.testing import FlaskClient

from tests.web.api.conftest import get
from tests.web.population import Population


def test_evaluations_are_listed_the_newest_first(client: FlaskClient, population: Population) -> None:
    evaluations = get(client, "/evaluations")["evaluations"]
    assert [each["job_id"] for each in evaluations] == [population.refined, population.evaluated]
