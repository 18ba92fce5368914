from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from deeplab.datasets.class_names import load_class_names
from tests.web.population import Population
from tests.web.scenes import make_dataset
from web.access.folders import Entry, shipped_configs
from web.actions import submission
from web.context import SETTINGS
from worker.jobs import jobs
from worker.jobs.broker.celery_app import celery_app
from worker.jobs.database import open_session
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings


def messages(settings: Settings) -> int:
    with celery_app(settings).connection_for_write() as connection:
        channel: Any = connection.default_channel
        return int(channel.client.llen("gpu"))


def test_a_submission_is_committed_and_then_published(population: Population) -> None:
    before = messages(population.settings)
    spec = parse_spec("train", {"config": str(population.dataset / "config.yaml")})
    submitted = submission.submit(population.settings, spec, user_id=None)
    assert submitted.notices == []
    assert messages(population.settings) == before + 1
    with open_session(population.settings, reads_only=True) as session:
        assert jobs.get(session, submitted.job.id).state == "queued"


@pytest.mark.parametrize("config", shipped_configs(), ids=lambda config: config.name)
def test_a_folder_can_be_segmented_with_every_shipped_configuration(population: Population, config: Entry) -> None:
    weights = population.root / "weights.pth"
    weights.write_bytes(b"\x80\x02.")  # looks like a pickle
    request = {"config": config.path, "checkpoint": str(weights), "input": str(population.folder)}
    job = submission.submit(population.settings, parse_spec("segment", request), user_id=None).job
    assert load_class_names(Path(job.config["DATASET"]["LABELS"]), job.config["DATASET"]["N_CLASSES"])


def test_a_submission_stands_when_the_broker_is_down(new_settings: Settings) -> None:
    dataset = make_dataset(new_settings.roots[0] / "shapes")
    submitted = submission.submit(
        new_settings, parse_spec("train", {"config": str(dataset / "config.yaml")}), user_id=None
    )
    assert f"Job {submitted.job.id} is queued, but the broker cannot be reached" in submitted.notices[0]
    assert submitted.waits == "No worker serves the gpu queue yet; the job starts when one does."
    with open_session(new_settings, reads_only=True) as session:
        assert jobs.get(session, submitted.job.id).state == "queued"


def test_retry_and_clone_name_their_parent(population: Population) -> None:
    again = submission.retry(population.settings, population.failed, user_id=None).job
    assert again.parent_id == population.failed
    clone = submission.clone(population.settings, population.trained, {"seed": 11}, user_id=None).job
    assert (clone.parent_id, clone.spec["seed"]) == (population.trained, 11)
    with pytest.raises(SpecError, match="seeed: is not a field"):
        submission.clone(population.settings, population.trained, {"seeed": 11}, user_id=None)


def test_a_full_queue_takes_no_further_job(population: Population, client: FlaskClient, app: Flask) -> None:
    """By no way over HTTP; several at once say so for each."""
    app.extensions[SETTINGS] = population.settings.model_copy(update={"waiting_per_user": 1})
    sentence = "of your jobs wait already, and the limit is 1; cancel some, or wait until they have run."
    request = {"kind": "train", "config": str(population.dataset / "config.yaml")}
    for address, body in (
        ("/api/v1/jobs", request),
        (f"/api/v1/jobs/{population.failed}/retry", {}),
        (f"/api/v1/jobs/{population.trained}/clone", {}),
    ):
        answer = client.post(address, json=body)
        assert answer.status_code == 429
        assert sentence in answer.get_json()["detail"]
    several = client.post("/api/v1/jobs/retry", json={"jobs": [population.failed]}).get_json()
    assert sentence in str(several)
