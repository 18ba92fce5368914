from flask.testing import FlaskClient

from tests.web.api.conftest import get
from tests.web.population import OWNER


def test_health(client: FlaskClient) -> None:
    health = get(client, "/health")
    assert health["status"] == "ok"
    assert health["workers"] == [OWNER]
    assert set(health["jobs"]) == {"queued", "running", "succeeded", "failed", "cancelled"}
