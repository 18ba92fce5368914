from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from tests.web.scenes import make_dataset
from web import create_app
from worker.jobs.database import open_session
from worker.jobs.settings import Settings
from worker.jobs.tables import IdempotencyKeyRow
from worker.jobs.watching.job_list import list_jobs

_KEY = {"Idempotency-Key": "f81d4fae"}


@pytest.fixture
def settings(store: Settings) -> Settings:
    return store.model_copy(update={"auth": "off", "data_roots": (store.home,)})


@pytest.fixture
def app(settings: Settings) -> Flask:
    return create_app(settings)


@pytest.fixture
def request_(settings: Settings) -> dict[str, Any]:
    return {"kind": "train", "config": str(make_dataset(settings.home / "shapes") / "config.yaml")}


def _post(app: Flask, path: str, body: dict[str, Any], headers: dict[str, str] = _KEY) -> TestResponse:
    return app.test_client().post(f"/api/v1{path}", json=body, headers=headers)


def _n_jobs(settings: Settings) -> int:
    with open_session(settings, reads_only=True) as session:
        return len(list_jobs(session))


def test_the_same_request_makes_one_job(app: Flask, settings: Settings, request_: dict[str, Any]) -> None:
    first, again = (_post(app, "/jobs", request_) for _ in range(2))
    assert [each.status_code for each in (first, again)] == [201, 201]
    assert first.json["id"] == again.json["id"]  # type: ignore[index]
    assert again.headers["Location"] == first.headers["Location"]
    other = _post(app, "/jobs", request_ | {"seed": 7})
    assert other.status_code == 422
    assert "came with another request within a day" in other.json["detail"]  # type: ignore[index]
    elsewhere = _post(app, f"/jobs/{first.json['id']}/clone", {})  # type: ignore[index]
    assert elsewhere.status_code == 422
    assert _post(app, "/jobs", request_, {}).json["id"] != first.json["id"]  # type: ignore[index]
    assert _n_jobs(settings) == 2


def test_requests_at_the_same_time_make_one_job(app: Flask, settings: Settings, request_: dict[str, Any]) -> None:
    start = Barrier(4)

    def post(_number: int) -> TestResponse:
        start.wait()
        return _post(app, "/jobs", request_)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(post, range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == _n_jobs(settings) == 1  # type: ignore[index]


def test_a_key_is_forgotten_after_a_day(app: Flask, settings: Settings, request_: dict[str, Any]) -> None:
    first = _post(app, "/jobs", request_)
    with open_session(settings) as session:
        session.execute(update(IdempotencyKeyRow).values(created_at=IdempotencyKeyRow.created_at - 86_401))
    assert _post(app, "/jobs", request_).json["id"] != first.json["id"]  # type: ignore[index]


def test_several_jobs_are_retried_once(app: Flask, settings: Settings, request_: dict[str, Any]) -> None:
    ids = [_post(app, "/jobs", request_, {}).json["id"] for _ in range(2)]  # type: ignore[index]
    _post(app, "/jobs/cancel", {"jobs": ids}, {})
    first, again = (_post(app, "/jobs/retry", {"jobs": ids}).json for _ in range(2))
    assert [job["id"] for job in first["jobs"]] == [job["id"] for job in again["jobs"]]  # type: ignore[index]
    assert _n_jobs(settings) == 4


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ü"])
def test_a_key_that_is_none_is_refused(app: Flask, request_: dict[str, Any], key: str) -> None:
    assert _post(app, "/jobs", request_, {"Idempotency-Key": key}).status_code == 400
