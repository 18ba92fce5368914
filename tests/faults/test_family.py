"""Deaths in the family of an attempt, and of everything at once."""

import random
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from deeplab.files import read_text
from tests.acceptance.platform import Platform
from tests.conftest import TIMES
from tests.processes import family_of, lives, wait_until
from worker.jobs import catalog, jobs
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.records import checkpoints
from worker.jobs.settings import load_settings

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

READING = "SOLVER.ITER_MAX=200\nSOLVER.ITER_SAVE=1000\nDATALOADER.NUM_WORKERS=2"  # no checkpoint but at the end


def readers_of(platform: Platform, job: Job) -> list[psutil.Process]:
    """The loader processes of a running attempt; its resource tracker is none."""
    with suppress(psutil.NoSuchProcess, ValueError):
        family = platform.child(job).children()
        return [each for each in family if "multiprocessing.spawn" in " ".join(each.cmdline())]
    return []


def wait_for_iterations(platform: Platform, job: Job, fence: int, more_than: int = 0) -> None:
    platform.wait(job, lambda job: job.fence == fence and job.done > more_than and job.state == catalog.RUNNING)


def test_the_death_of_a_reader_is_a_crash_after_a_checkpoint(
    platform: Platform, sample: Path, rng: random.Random
) -> None:
    platform.start_worker("gpu")
    job = platform.submit("train", config=str(sample / "config.yaml"), overrides=READING)
    wait_for_iterations(platform, job, fence=1)
    rng.choice(readers_of(platform, job)).kill()
    job = platform.wait(job, seconds=240)
    with open_session(platform.settings) as session:
        first, second = jobs.list_attempts(session, job.id)
        saved = checkpoints.list_checkpoints(session, job.id)
    assert (first.outcome, second.outcome, job.state) == ("crashed", "succeeded", catalog.SUCCEEDED)
    assert str(first.error).startswith("A process that reads images was killed")
    assert min(each.iteration for each in saved) < 200


def test_what_everything_at_once_leaves_behind_is_dead_and_its_jobs_go_on_at_once(
    sample: Path, tmp_path: Path, rng: random.Random
) -> None:
    """The lease is far longer than the test: the machine itself knows that its owner is dead."""
    settings = load_settings(home=tmp_path / "home", **{**TIMES, "lease_seconds": 600})
    with Platform(settings) as platform:
        worker = platform.start_worker("gpu")
        job = platform.submit("train", config=str(sample / "config.yaml"), overrides=READING)
        platform.wait(job, lambda job: job.state == catalog.RUNNING)
        if rng.random() < 0.5:  # else its readers are still being started
            wait_until(lambda: len(readers_of(platform, job)) == 2, 60)
        family = family_of(worker.pid)
        leaders = [each for each in family if each.pid == worker.pid or each.ppid() == worker.pid]
        for each in leaders:  # and the rest is left to the kernel
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGKILL)
        worker.wait()
        wait_until(lambda: not any(lives(each) for each in family), 30)
        wait_until(lambda: not platform.processes(), 30)
        platform.start_worker("gpu", name="another@test")
        job = platform.wait(job, seconds=240)
        assert platform.attempts(job) == ["lost", "succeeded"], read_text(settings.home / "logs" / "another@test.log")
