"""Faults of all kinds, one after the other, over jobs of all kinds: each ends as it should, and none is lost."""

import random
import time
from collections.abc import Callable

import pytest

from tests.faults.scene import PATIENCE, Scene
from tests.faults.strikes import (
    child,
    connected,
    everything,
    main_process,
    pool_process,
    refuse_connections,
    silence_database,
    strike,
    suspended,
)
from tests.processes import wait_until
from worker.jobs import catalog, jobs
from worker.jobs.database import open_session
from worker.jobs.jobs import Job

pytestmark = [pytest.mark.acceptance, pytest.mark.slow, pytest.mark.faults]

N_FAULTS = 6  # of each trial


def kill_somebody(scene: Scene, rng: random.Random) -> None:
    if running := scene.running():
        strike(scene, rng.choice(running), rng.choice([child, pool_process, main_process, everything]))


def stop_somebody(scene: Scene, rng: random.Random) -> None:
    """Some processes of the platform, for less time or more than a lease."""
    processes = scene.processes()
    with suspended(rng.sample(processes, min(len(processes), rng.randint(1, 4)))):
        time.sleep(rng.uniform(2, 9))


def silence(scene: Scene, rng: random.Random) -> None:
    silence_database(scene.settings, rng.uniform(3, 9))


def refuse(scene: Scene, rng: random.Random) -> None:
    if scene.settings.embedded_database is None:
        refuse_connections(scene.settings, rng.uniform(3, 9))


def flush_broker(scene: Scene, _rng: random.Random) -> None:
    with connected(scene.settings) as broker:
        broker.flushall()


def kill_broker(scene: Scene, rng: random.Random) -> None:
    assert scene.broker is not None
    scene.broker.kill()
    scene.broker.wait()
    time.sleep(rng.uniform(0, 5))


def fill_broker(scene: Scene, rng: random.Random) -> None:
    with connected(scene.settings) as broker:
        broker.config_set("maxmemory", 1000)
        time.sleep(rng.uniform(2, 8))
        broker.config_set("maxmemory", 0)


FAULTS: list[Callable[[Scene, random.Random], None]] = [
    kill_somebody,
    stop_somebody,
    silence,
    refuse,
    flush_broker,
    kill_broker,
    fill_broker,
]


def test_a_mix_of_everything(scene: Scene, rng: random.Random) -> None:
    good = [scene.submit_one(rng) for _ in range(6)]
    scene.poison(good[-1].id + 1, "SIGKILL")
    poisoned = scene.train(save_every=1_000_000, iterations=1_000_000)
    unwanted = scene.train(iterations=1_000_000)
    for _ in range(N_FAULTS):
        rng.choice(FAULTS)(scene, rng)
        scene.mend()
        time.sleep(rng.uniform(0, 5))
    scene.cancel(unwanted)
    wait_until(lambda: not scene.unfinished(), 3 * PATIENCE)  # two workers have eight jobs before them
    assert scene.until_ended(unwanted).state == catalog.CANCELLED
    assert scene.until_ended(poisoned).state == catalog.FAILED
    for job in good:
        assert scene.until_ended(job).state == catalog.SUCCEEDED or was_killed_again_and_again(scene, job)


def was_killed_again_and_again(scene: Scene, job: Job) -> bool:
    """Whether a job has failed by what was done to it alone."""
    with open_session(scene.settings, reads_only=True) as session:
        attempts = jobs.list_attempts(session, job.id)
    crashes = [each for each in attempts if each.outcome == "crashed"]
    return len(crashes) >= job.max_attempts and all("signal 9 (SIGKILL)" in str(each.error) for each in crashes)
