import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.population import Population
from tests.web.scenes import make_dataset
from web import submission
from worker import jobs, valkey
from worker.celery_app import celery_app
from worker.database import open_session
from worker.settings import Settings
from worker.specs import SpecError, parse_spec


@pytest.fixture
def broker(new_settings: Settings) -> Iterator[Settings]:
    """A real Valkey server for a home."""
    server = subprocess.Popen(valkey.server_command(new_settings), stdout=subprocess.DEVNULL)
    until = time.monotonic() + 20
    while not valkey.answers(new_settings):
        assert time.monotonic() < until
        time.sleep(0.02)
    yield new_settings
    server.terminate()
    server.wait()


def test_a_submission_is_committed_and_then_published(broker: Settings) -> None:
    dataset = make_dataset(broker.roots[0] / "shapes")
    job, notice = submission.submit(broker, parse_spec("train", {"config": str(dataset / "config.yaml")}))
    assert notice is None
    with celery_app(broker).connection_for_write() as connection:
        channel: Any = connection.default_channel
        assert channel.client.llen("gpu") == 1
    with open_session(broker, reads_only=True) as session:
        assert jobs.get(session, job.id).state == "queued"


def test_a_submission_stands_when_the_broker_is_down(population: Population) -> None:
    spec = parse_spec("train", {"config": str(population.dataset / "config.yaml")})
    job, notice = submission.submit(population.settings, spec)
    assert notice is not None
    assert f"Job {job.id} is queued, but the broker cannot be reached" in notice
    with open_session(population.settings, reads_only=True) as session:
        assert jobs.get(session, job.id).state == "queued"


def test_retry_and_clone_name_their_parent(population: Population) -> None:
    again, _ = submission.retry(population.settings, population.failed)
    assert again.parent_id == population.failed
    clone, _ = submission.clone(population.settings, population.trained, {"seed": 11})
    assert (clone.parent_id, clone.spec["seed"]) == (population.trained, 11)
    with pytest.raises(SpecError, match="seeed: is not a field"):
        submission.clone(population.settings, population.trained, {"seeed": 11})
