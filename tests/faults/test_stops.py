"""Processes that are stopped for a while (SIGSTOP), past their leases: what they write afterwards is refused."""

import random
import time
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from tests.acceptance.platform import Platform
from tests.faults.scene import Inputs, Scene
from tests.processes import lives, wait_until
from worker.jobs import catalog
from worker.jobs.database import open_session
from worker.jobs.settings import Settings

pytestmark = [pytest.mark.acceptance, pytest.mark.slow, pytest.mark.faults]


@pytest.mark.parametrize("who", ["supervisor", "supervisor and child", "whole worker"])
def test_a_worker_that_is_stopped_past_its_lease_writes_nothing(scene: Scene, rng: random.Random, who: str) -> None:
    job = scene.train(iterations=600)
    scene.until_at_work(job)
    child = scene.child(job)
    supervisor = child.parent()
    assert supervisor is not None
    main = supervisor.parent()
    assert main is not None
    stopped = {"supervisor": [supervisor], "supervisor and child": [supervisor, child]}.get(who, [])
    stopped = stopped or [main, *main.children(recursive=True)]
    for each in stopped:
        each.suspend()
    scene.wait(job, lambda job: job.fence == 2, 120)  # another one has it
    time.sleep(rng.uniform(0, 3))
    for each in stopped:
        each.resume()
    wait_until(lambda: not lives(child), 30)
    assert scene.until_ended(job).state == catalog.SUCCEEDED
    assert scene.attempts(job)[0] == "lost"


def test_a_child_that_is_stopped_for_a_while_goes_on(scene: Scene, rng: random.Random) -> None:
    job = scene.submit_one(rng)
    scene.until_running(job)
    for _ in range(2):
        for each in scene.children(job):
            each.suspend()
        time.sleep(rng.uniform(2, 5))
        scene.mend()
    assert scene.until_ended(job).state == catalog.SUCCEEDED
    assert scene.attempts(job) == ["succeeded"]


def test_progress_that_stands_still_is_said_and_then_ended(fresh: Settings, inputs: Inputs, rng: random.Random) -> None:
    settings = fresh.model_copy(update={"stall_seconds_by_kind": (("train", 30.0),)})
    with Platform(settings) as platform:
        platform.start_worker()
        keys = f"SOLVER.ITER_MAX={rng.randint(300, 500)}\nSOLVER.ITER_SAVE=20"
        job = platform.submit("train", config=str(inputs.config), overrides=keys)
        platform.wait(job, lambda job: job.done > 0, 120)
        platform.child(job).suspend()
        platform.wait(job, lambda job: job.quiet_since is not None, 60)
        assert platform.wait(job, seconds=200).state == catalog.SUCCEEDED
        assert platform.attempts(job) == ["stalled", "succeeded"]


def test_preemptions_from_outside_are_counted(scene: Scene, rng: random.Random) -> None:
    """SIGTERM to the child alone, before it has saved anything."""
    job = scene.train(save_every=1_000_000)
    n_times = rng.randint(2, 4)
    for fence in range(1, n_times + 1):
        scene.wait(job, lambda job, fence=fence: job.fence == fence and bool(scene.children(job)), 120)  # type: ignore[misc]
        for each in scene.children(job):
            each.terminate()
        scene.wait(job, lambda job, fence=fence: job.fence > fence or job.state == catalog.QUEUED, 120)  # type: ignore[misc]
    ended = scene.until_ended(job)
    assert ended.state == catalog.SUCCEEDED
    assert scene.attempts(job)[:-1] == ["preempted"] * n_times


@pytest.mark.parametrize("n_times", [1, 3])
def test_a_database_that_does_not_answer(scene: Scene, rng: random.Random, n_times: int) -> None:
    """SIGSTOP of PostgreSQL, or a lock on SQLite that somebody holds, for longer than the leases."""
    job, other = scene.train(iterations=600), scene.segment()
    scene.until_at_work(job)
    for _ in range(n_times):
        silence_database(scene.settings, rng.uniform(7, 12))
        time.sleep(rng.uniform(2, 5))
    for each in (job, other):
        assert scene.until_ended(each).state == catalog.SUCCEEDED, scene.attempts(each)
    assert set(scene.attempts(job)) <= {"lost", "outage", "succeeded"}


def silence_database(settings: Settings, seconds: float) -> None:
    if settings.embedded_database is not None:
        with open_session(settings) as session:  # holds the turn of the writers, too
            session.execute(text("UPDATE job SET fence = fence WHERE id = 0"))
            time.sleep(seconds)
        return
    with open_session(settings, reads_only=True) as session:
        folder = session.scalar(text("SHOW data_directory"))
    postmaster = psutil.Process(int(Path(str(folder), "postmaster.pid").read_text("utf-8").split()[0]))
    stopped = [postmaster, *postmaster.children(recursive=True)]
    for each in stopped:
        each.suspend()
    time.sleep(seconds)
    for each in reversed(stopped):
        each.resume()
