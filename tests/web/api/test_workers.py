from flask.testing import FlaskClient

from tests.web.api.conftest import get
from tests.web.population import OWNER


def test_workers_that_are_alive_come_first(client: FlaskClient) -> None:
    workers = get(client, "/workers")["workers"]
    assert [(each["name"], each["alive"]) for each in workers] == [(OWNER, True), ("cpu@laboratory", False)]
