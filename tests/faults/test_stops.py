"""Processes that are stopped for a while (SIGSTOP), past their leases: what they write afterwards is refused."""

import random
import time
from collections.abc import Callable

import pytest

from tests.acceptance.platform import Platform
from tests.faults.scene import PATIENCE, Inputs, Scene
from tests.faults.strikes import refuse_connections, silence_database
from tests.processes import lives, wait_until
from worker.jobs import catalog, storage
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings

pytestmark = [pytest.mark.acceptance, pytest.mark.slow, pytest.mark.faults]

STALL_SECONDS = 90.0  # longer than any attempt takes to begin


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


@pytest.mark.parametrize("n_times", [1, 3])
def test_progress_that_stands_still_is_said_and_then_ended(
    fresh: Settings, inputs: Inputs, rng: random.Random, n_times: int
) -> None:
    settings = fresh.model_copy(update={"stall_seconds_by_kind": (("train", STALL_SECONDS),)})
    with Platform(settings) as platform:
        platform.start_worker()
        keys = f"SOLVER.ITER_MAX={rng.randint(300, 500)}\nSOLVER.ITER_SAVE={20 if n_times == 1 else 1000}"
        job = platform.submit("train", config=str(inputs.config), overrides=keys)
        for fence in range(1, n_times + 1):
            platform.wait(job, lambda job, fence=fence: job.fence == fence and reports(platform, job), PATIENCE)  # type: ignore[misc]
            platform.child(job).suspend()
            platform.wait(job, lambda job: job.quiet_since is not None, PATIENCE)
            platform.wait(job, lambda job, fence=fence: job.fence > fence or job.is_terminal, PATIENCE)  # type: ignore[misc]
        ended = platform.wait(job, seconds=PATIENCE)
        if n_times == 1:
            assert platform.attempts(job) == ["stalled", "succeeded"]
        else:
            assert platform.attempts(job) == ["stalled"] * 3
            assert f"It reported no progress for {STALL_SECONDS:g} s" in str(ended.error)


def reports(platform: Platform, job: Job) -> bool:
    """Whether the latest attempt at a job has reported progress."""
    return storage.alive_in(storage.attempt_dir(platform.settings, job.id, job.fence)).exists()


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
@pytest.mark.parametrize("fail", [silence_database, refuse_connections])
def test_a_database_that_is_away(
    scene: Scene, rng: random.Random, n_times: int, fail: Callable[[Settings, float], None]
) -> None:
    """For longer than the leases, at least once."""
    if fail is refuse_connections and scene.settings.embedded_database is not None:
        pytest.skip("SQLite has no connections that could be refused")
    job, other = scene.train(iterations=600), scene.segment()
    scene.until_at_work(job)
    for _ in range(n_times):
        fail(scene.settings, rng.uniform(7, 12))
        time.sleep(rng.uniform(2, 5))
    for each in (job, other):
        assert scene.until_ended(each).state == catalog.SUCCEEDED, scene.attempts(each)
    assert set(scene.attempts(job)) <= {"lost", "outage", "succeeded"}
