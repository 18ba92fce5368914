from ipaddress import ip_network

from flask.testing import FlaskClient

from web import create_app
from worker.jobs.settings import Settings


def test_every_answer_has_a_name_of_its_own(new_client: FlaskClient) -> None:
    answers = [new_client.get(path, headers={"X-Request-Id": "mine"}) for path in ("/jobs", "/nowhere", "/healthz")]
    names = {answer.headers["X-Request-Id"] for answer in answers}
    assert len(names) == 3
    assert "mine" not in names


def test_a_trusted_proxy_may_name_it(new_settings: Settings) -> None:
    trusting = new_settings.model_copy(update={"trusted_proxies": (ip_network("127.0.0.1"),)})
    client = create_app(trusting).test_client()
    assert client.get("/healthz", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    assert client.get("/healthz", headers={"X-Request-Id": "a b"}).headers["X-Request-Id"] != "a b"
