from ipaddress import ip_network

from flask.testing import FlaskClient

from web import create_app
from web.access.bounds import RequestBudget
from worker.jobs.settings import Settings


def test_a_budget_is_a_minutes_worth_and_comes_back() -> None:
    budget = RequestBudget(per_minute=60)
    assert [budget.take("a", 100.0) for _ in range(61)] == [True] * 60 + [False]
    assert budget.take("b", 100.0)
    assert [budget.take("a", 102.0) for _ in range(3)] == [True, True, False]
    assert [budget.take("a", 1000.0) for _ in range(61)] == [True] * 60 + [False]


def test_a_flood_is_answered_by_429_and_when_to_come_back(new_settings: Settings) -> None:
    client = create_app(new_settings.model_copy(update={"requests_per_minute": 3})).test_client()
    answers = [client.get("/api/v1/workers") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].headers["Retry-After"] == "5"
    sentence = "Too many requests within a minute; wait a moment and try again."
    assert answers[3].json["detail"] == sentence  # type: ignore[index]
    others = client.get("/api/v1/workers", environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
    assert others.status_code == 200


def test_people_with_ipv6_have_one_budget_for_their_network(new_settings: Settings) -> None:
    client = create_app(new_settings.model_copy(update={"requests_per_minute": 1})).test_client()

    def status(address: str) -> int:
        return client.get("/api/v1/workers", environ_overrides={"REMOTE_ADDR": address}).status_code

    assert [status(each) for each in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")] == [200, 429, 200]


def test_people_behind_a_trusted_proxy_have_a_budget_each(new_settings: Settings) -> None:
    update = {"requests_per_minute": 1, "trusted_proxies": (ip_network("127.0.0.0/8"),)}
    client = create_app(new_settings.model_copy(update=update)).test_client()

    def status(forwarded: str, peer: str = "127.0.0.1") -> int:
        headers, environ = {"X-Forwarded-For": forwarded}, {"REMOTE_ADDR": peer}
        return client.get("/api/v1/workers", headers=headers, environ_overrides=environ).status_code

    assert [status(each) for each in ("192.0.2.1", "192.0.2.2", "made up, 192.0.2.1")] == [200, 200, 429]
    assert [status(each, "198.51.100.7") for each in ("192.0.2.3", "192.0.2.4")] == [200, 429]


def test_zero_bytes_are_refused(new_client: FlaskClient) -> None:
    addresses = (
        "/api/v1/jobs?search=%00",
        "/api/v1/evaluations?checkpoint=%00",
        "/evaluations?%00=1",
        "/datasets/%00/check",
    )
    assert {new_client.get(address).status_code for address in addresses} == {400}


def test_a_body_has_a_bounded_depth_and_size(new_client: FlaskClient) -> None:
    def message(body: str) -> tuple[int, str]:
        answer = new_client.post("/api/v1/jobs", data=body, content_type="application/json")
        assert answer.json is not None
        return answer.status_code, answer.json["detail"]

    for depth in (11, 900, 100_000):
        assert message('{"a": ' + "[" * depth + "]" * depth + "}") == (400, "The body is nested deeper than 10 levels.")
    assert message("x" * (2**20 + 1)) == (413, "The request is too large; the limit is 1,048,576 bytes.")
