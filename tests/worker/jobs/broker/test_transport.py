"""How a worker looks for a broker that is away."""

import pytest

from worker.jobs.broker.celery_app import celery_app
from worker.jobs.settings import load_settings

N_ATTEMPTS = 12


def test_a_worker_looks_for_its_broker_every_few_seconds_however_long_it_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []

    class EnoughError(Exception):
        pass

    def note(_error: Exception, pause: float) -> None:
        pauses.append(pause)
        if len(pauses) == N_ATTEMPTS:
            raise EnoughError

    monkeypatch.setattr("kombu.utils.functional.sleep", lambda _seconds: None)
    settings = load_settings(broker_url="redis://127.0.0.1:1/0")
    with celery_app(settings).connection_for_read() as connection, pytest.raises(EnoughError):
        connection.ensure_connection(note)
    assert pauses[0] <= 1
    assert max(pauses) <= 5
