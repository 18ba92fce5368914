"""Disasters: whatever dies, a committed submission reaches its end, and the result is the same."""

import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.acceptance.platform import Platform
from tests.conftest import OpenStore
from tests.processes import lives, wait_until
from worker.jobs import catalog, jobs
from worker.jobs.broker.queue import publish
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.records import checkpoints, events, metrics

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

LONG_TRAINING = "SOLVER.ITER_MAX=600\nSOLVER.ITER_SAVE=40"


def final_weights(platform: Platform, job: Job) -> dict[str, Any]:
    assert job.result is not None
    with open_session(platform.settings, reads_only=True) as session:
        path = checkpoints.get(session, job.result["checkpoint"]).path
    content = torch.load(path, weights_only=True)
    assert content["iteration"] == 600
    model: dict[str, Any] = content["model"]
    return model


def wait_for_checkpoint(platform: Platform, job: Job) -> int:
    """Wait until the running attempt has saved a checkpoint, and return its iteration."""

    def iterations() -> list[int]:
        now = platform.job(job.id)
        assert not now.is_terminal, f"too late: {now.state}"
        with open_session(platform.settings, reads_only=True) as session:
            saved = checkpoints.list_checkpoints(session, job.id)
        return [each.iteration for each in saved if each.path.parent.name == str(now.fence)]

    wait_until(lambda: bool(iterations()), 150)
    return iterations()[0]


def messages(platform: Platform, job: Job) -> list[str]:
    with open_session(platform.settings, reads_only=True) as session:
        return [event.message for event in events.list_events(session, job.id)]


def test_a_training_that_is_killed_again_and_again_ends_with_the_same_weights(platform: Platform, sample: Path) -> None:
    """Bit-equal to an uninterrupted run of the same seed, which another worker does at the same time."""
    for name in ("first@test", "second@test"):
        platform.start_worker("gpu", name=name)
    request = {"config": str(sample / "config.yaml"), "overrides": LONG_TRAINING, "seed": 5}
    uninterrupted = platform.submit("train", **request)
    platform.wait(uninterrupted, lambda job: job.state == catalog.RUNNING)

    job = platform.submit("train", **request)
    platform.wait(job, lambda job: job.state == catalog.RUNNING)
    wait_for_checkpoint(platform, job)
    platform.child(job).kill()
    platform.wait(job, lambda job: job.fence == 2)

    wait_for_checkpoint(platform, job)
    assert platform.stop_worker(platform.worker_of(job)) < 15
    platform.start_worker("gpu", name="third@test")
    platform.wait(job, lambda job: job.fence == 3)
    assert platform.job(job.id).attempts == 1  # each attempt got further, so none before it counts

    wait_for_checkpoint(platform, job)
    platform.kill_worker(platform.worker_of(job))  # which the other worker of this machine notices
    assert platform.children(job) == []
    platform.start_worker("gpu", name="fourth@test")

    uninterrupted = platform.wait(uninterrupted)
    assert platform.attempts(uninterrupted) == ["succeeded"]
    job = platform.wait(job)
    assert job.state == catalog.SUCCEEDED, job.error
    assert platform.attempts(job) == ["crashed", "preempted", "lost", "succeeded"]
    resumed = [message for message in messages(platform, job) if message.startswith("resumed from checkpoint")]
    assert len(resumed) == 3
    ours, theirs = final_weights(platform, job), final_weights(platform, uninterrupted)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    with open_session(platform.settings, reads_only=True) as session:
        assert metrics.list_metrics(session, job.id) == metrics.list_metrics(session, uninterrupted.id)


def test_cancelled_means_no_process_left(platform: Platform, sample: Path, weights: Path) -> None:
    platform.start_worker("gpu")
    platform.start_worker("cpu")
    config = str(sample / "config.yaml")
    evaluate = platform.submit("evaluate", checkpoint=str(weights), config=config)
    endless = "SOLVER.ITER_MAX=1000000\nDATALOADER.NUM_WORKERS=2"
    train = platform.submit("train", config=config, overrides=endless)
    waiting = platform.submit("train", config=config)
    platform.wait(evaluate)
    values = ",".join(str(value) for value in range(1, 401))
    crf = platform.submit("crf", evaluate_job=evaluate.id, grid=f"BI_W={values}", overrides="CRF.ITER_MAX=1000")

    with open_session(platform.settings) as session:
        assert jobs.cancel(session, waiting.id).state == catalog.CANCELLED  # it was queued
    busy_jobs = [  # one with processes that read, one with threads that compute
        (train, lambda: len(platform.child(train).children()) >= 2),
        (crf, lambda: platform.job(crf.id).total > 0),
    ]
    for job, is_busy in busy_jobs:
        platform.wait(job, lambda job: job.state == catalog.RUNNING)
        wait_until(is_busy, 60)
        family = [platform.child(job), *platform.child(job).children(recursive=True)]
        with open_session(platform.settings) as session:
            assert jobs.cancel(session, job.id).state == catalog.RUNNING
        assert platform.wait(job, seconds=10).state == catalog.CANCELLED
        assert [each for each in family if lives(each)] == []
        assert platform.children(job) == []
    assert platform.attempts(waiting) == []


def test_a_broker_that_is_away_delays_a_job_and_doubled_messages_do_no_harm(
    platform: Platform, sample: Path, weights: Path
) -> None:
    worker = platform.start_worker("gpu")
    platform.wait_for_workers(1)
    platform.stop_broker()
    job = platform.submit("evaluate", checkpoint=str(weights), config=str(sample / "config.yaml"))
    assert platform.job(job.id).state == catalog.QUEUED
    platform.start_broker()
    for _ in range(5):
        publish(platform.settings, job)
    assert platform.wait(job).state == catalog.SUCCEEDED
    platform.stop_worker(worker)
    assert platform.attempts(job) == ["succeeded"]


def test_a_service_manager_s_sigterm_to_every_process_is_a_preemption(platform: Platform, sample: Path) -> None:
    worker = platform.start_worker("gpu")
    job = platform.submit("train", config=str(sample / "config.yaml"), overrides="SOLVER.ITER_MAX=1000000")
    wait_until(lambda: bool(platform.children(job)), 60)
    for process in platform.processes():
        process.send_signal(signal.SIGTERM)
    worker.wait(20)
    assert platform.job(job.id).state == catalog.QUEUED
    assert platform.attempts(job) == ["preempted"]


def test_jobs_run_on_postgresql(postgresql: OpenStore, sample: Path, weights: Path, tmp_path: Path) -> None:
    with Platform(postgresql(tmp_path)) as platform:
        platform.start_worker("gpu")
        job = platform.succeed("evaluate", checkpoint=str(weights), config=str(sample / "config.yaml"))
        assert platform.attempts(job) == ["succeeded"]
