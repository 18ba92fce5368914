"""Train jobs on several GPUs, by real workers. Their two GPUs are made up: the processes find none and use the CPU."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.acceptance.platform import Platform
from tests.acceptance.test_survival import wait_for_checkpoint
from tests.processes import family_of, lives, wait_until
from tests.worker.store import submit
from worker.jobs import catalog, jobs
from worker.jobs.broker.queue import try_publish
from worker.jobs.database import open_session
from worker.jobs.jobs import Attempt, Job
from worker.jobs.records import checkpoints, metrics
from worker.jobs.watching.waiting import find_obstacle

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

NVIDIA_SMI = """#!/bin/sh
echo "GPU 0: Made up (UUID: GPU-00000000-0000-0000-0000-000000000000)"
echo "GPU 1: Made up (UUID: GPU-11111111-1111-1111-1111-111111111111)"
"""
# Batch norm that several processes train needs real GPUs. Random weights whose batch norm is frozen need a low rate.
KEYS = "SOLVER.FREEZE_BN=true\nSOLVER.LR=1e-5\n"
ENDLESS = KEYS + "SOLVER.ITER_MAX=1000000\nSOLVER.ITER_SAVE=5"


@pytest.fixture
def platform(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """One with a worker that has two GPUs."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(NVIDIA_SMI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    platform.start_worker("gpu")
    return platform


@pytest.fixture
def config(sample: Path) -> str:
    return str(sample / "config.yaml")


def companion(platform: Platform, job: Job) -> psutil.Process:
    """The second process of a running job's attempt."""
    found = [each for each in platform.child(job).children() if "worker.execution.companion" in each.cmdline()]
    assert len(found) == 1, found
    return found[0]


def last_attempt(platform: Platform, job: Job) -> Attempt:
    with open_session(platform.settings, reads_only=True) as session:
        return jobs.list_attempts(session, job.id)[-1]


def test_jobs_take_turns_on_the_gpus_and_come_to_the_same_losses(platform: Platform, config: str) -> None:
    """Two jobs for two GPUs, one for one and one for four, all at once on a worker of two."""
    platform.wait_for_workers(1)
    request = {"config": config, "overrides": KEYS, "seed": 3}
    with open_session(platform.settings) as session:  # a worker that had as many may have gone since
        overrides = KEYS + "SOLVER.BATCH_SIZE.TRAIN=4"
        waiting = submit(session, platform.settings, config=config, overrides=overrides, gpus=4)
    try_publish(platform.settings, waiting)
    submitted = [platform.submit("train", **request, gpus=n) for n in (2, 2, 1)]
    ended = [platform.wait(job, seconds=200) for job in submitted]
    assert [job.state for job in ended] == [catalog.SUCCEEDED] * 3
    check_turns(platform, ended)
    check_logs(platform, ended)
    check_losses(platform, ended)
    check_obstacle(platform, waiting)


def check_turns(platform: Platform, ended: list[Job]) -> None:
    """No two of them ran at a time."""
    assert [platform.attempts(job) for job in ended] == [["succeeded"]] * 3
    first, second, third = sorted((last_attempt(platform, job) for job in ended), key=lambda each: each.started_at)
    assert (first.finished_at or 0) <= second.started_at
    assert (second.finished_at or 0) <= third.started_at


def check_logs(platform: Platform, ended: list[Job]) -> None:
    together, _, alone = (platform.log(job.id) for job in ended)
    assert "on gpu@test/" in together
    assert ", 2 x Made up.\n" in together
    assert ", Made up.\n" in alone
    assert together.count("Device: ") == 1


def check_losses(platform: Platform, ended: list[Job]) -> None:
    """Two processes come to the losses of one."""
    with open_session(platform.settings, reads_only=True) as session:
        ours, _, theirs = (metrics.list_metrics(session, job.id)["loss"] for job in ended)
    assert [iteration for iteration, _ in ours] == [iteration for iteration, _ in theirs]
    assert [loss for _, loss in ours] == pytest.approx([loss for _, loss in theirs], rel=1e-3)


def check_obstacle(platform: Platform, waiting: Job) -> None:
    """A job for more GPUs than there are waits and says why."""
    with open_session(platform.settings, reads_only=True) as session:
        obstacle = find_obstacle(session, platform.settings, jobs.get(session, waiting.id))
    assert obstacle is not None
    assert obstacle.sentence == "It asks for 4 GPUs; no live worker has as many (at most 2)."
    assert platform.attempts(waiting) == []


def test_the_death_of_one_process_is_a_crash_and_a_cancelled_job_keeps_its_checkpoint(
    platform: Platform, config: str
) -> None:
    job = platform.submit("train", config=config, overrides=ENDLESS, gpus=2)
    platform.wait(job, lambda job: job.state == catalog.RUNNING)
    saved = wait_for_checkpoint(platform, job)
    family = family_of(platform.child(job).pid)
    assert companion(platform, job).environ()["CUDA_VISIBLE_DEVICES"].count("GPU-") == 2
    companion(platform, job).kill()
    platform.wait(job, lambda job: job.fence == 2)
    with open_session(platform.settings, reads_only=True) as session:
        crashed = jobs.list_attempts(session, job.id)[0]
    assert (crashed.outcome, crashed.error) == ("crashed", "Process 2 of 2 was killed by signal 9 (SIGKILL).")
    assert not any(lives(each) for each in family)

    assert wait_for_checkpoint(platform, job) > saved
    family = family_of(platform.child(job).pid)
    assert companion(platform, job) in family
    with open_session(platform.settings) as session:
        jobs.cancel(session, job.id)
    assert platform.wait(job, seconds=20).state == catalog.CANCELLED
    assert not any(lives(each) for each in family)
    with open_session(platform.settings, reads_only=True) as session:
        last = checkpoints.find_last(session, job.id)
    assert last is not None
    assert last.path.parent.name == "2"
    assert last.iteration == platform.job(job.id).done  # saved when it was asked to stop


def test_the_death_of_the_first_process_ends_the_other(platform: Platform, config: str) -> None:
    job = platform.submit("train", config=config, overrides=ENDLESS, gpus=2)
    platform.wait(job, lambda job: job.state == catalog.RUNNING)
    wait_for_checkpoint(platform, job)
    second = companion(platform, job)
    platform.child(job).kill()
    platform.wait(job, lambda job: job.fence == 2)
    assert not lives(second)
    assert platform.attempts(job)[0] == "crashed"
    wait_for_checkpoint(platform, job)
    family = family_of(platform.child(job).pid)
    platform.kill_worker(platform.worker_of(job))
    wait_until(lambda: not any(lives(each) for each in family), 10)


def test_a_worker_that_stops_sends_the_job_back_with_a_checkpoint(platform: Platform, config: str) -> None:
    job = platform.submit("train", config=config, overrides=ENDLESS, gpus=2)
    platform.wait(job, lambda job: job.done > 0)
    for process in platform.processes():  # as a service manager does
        process.send_signal(signal.SIGTERM)
    platform.workers["gpu@test"].wait(30)
    assert platform.attempts(job) == ["preempted"]
    with open_session(platform.settings, reads_only=True) as session:
        assert checkpoints.find_last(session, job.id) is not None
