"""SIGKILL at a random moment: a job ends well all the same, and its neighbour hears nothing of it."""

import random
from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest

from tests.faults.scene import Scene, kill
from tests.processes import wait_until
from worker.jobs import catalog
from worker.jobs.jobs import Job

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

Choose = Callable[[Scene, Job], list[psutil.Process]]


def child(scene: Scene, job: Job) -> list[psutil.Process]:
    return scene.children(job)[:1]


def pool_process(scene: Scene, job: Job) -> list[psutil.Process]:
    return [parent for each in scene.children(job)[:1] if (parent := each.parent()) is not None]


def main_process(scene: Scene, job: Job) -> list[psutil.Process]:
    return [parent for each in pool_process(scene, job) if (parent := each.parent()) is not None]


def everything(scene: Scene, _job: Job) -> list[psutil.Process]:
    assert scene.broker is not None
    return [*scene.processes(), psutil.Process(scene.broker.pid)]


def strike(scene: Scene, job: Job, choose: Choose) -> None:
    """Kill what is chosen, if the job has not ended in the meantime, and start again what that has ended."""
    with suppress(psutil.NoSuchProcess):
        kill(choose(scene, job))
    for name, worker in scene.workers.items():
        if name in str(scene.job(job.id).owner) and choose is main_process:
            worker.wait(30)
    scene.mend()


@pytest.mark.faults
@pytest.mark.parametrize("choose", [child, pool_process, main_process, everything])
def test_a_killed_process_costs_time_and_nothing_else(scene: Scene, rng: random.Random, choose: Choose) -> None:
    job, neighbour = scene.submit_one(rng), scene.evaluate()
    scene.until_random_moment(job, rng)
    strike(scene, job, choose)
    assert scene.until_ended(job).state == catalog.SUCCEEDED, scene.attempts(job)
    assert scene.until_ended(neighbour).state == catalog.SUCCEEDED
    assert set(scene.attempts(job)[:-1]) <= {"crashed", "lost"}
    if choose is not everything:
        assert scene.attempts(neighbour) == ["succeeded"]


@pytest.mark.faults
@pytest.mark.parametrize("whose", ["owner", "assistant"])
@pytest.mark.parametrize("choose", [child, pool_process, main_process])
def test_who_dies_at_a_shard_is_replaced(scene: Scene, rng: random.Random, whose: str, choose: Choose) -> None:
    job = scene.segment()
    scene.until_running(job)
    wait_until(lambda: bool(scene.assistants(job)) or scene.job(job.id).is_terminal, 120)
    assistants = scene.assistants(job)
    owners = [each for each in scene.children(job) if each not in assistants]
    victims = assistants if whose == "assistant" else owners
    if victims:  # else a machine under load was too slow to call anybody
        levels = (child, pool_process, main_process).index(choose)
        victim = victims[0]
        for _ in range(levels):
            victim = victim.parent() or victim
        kill([victim])
    scene.mend()
    assert scene.until_ended(job).state == catalog.SUCCEEDED, scene.attempts(job)
    if whose == "assistant":
        assert scene.attempts(job) == ["succeeded"]


def test_a_worker_that_dies_of_a_fault_is_replaced(scene: Scene, rng: random.Random) -> None:
    """The short form: of a few kinds one, on both databases."""
    job = scene.train(iterations=60)
    scene.until_at_work(job)
    strike(scene, job, rng.choice([child, pool_process, main_process]))
    assert scene.until_ended(job).state == catalog.SUCCEEDED


@pytest.mark.faults
def test_a_mix_of_deaths_over_many_jobs(scene: Scene, rng: random.Random) -> None:
    jobs = [scene.submit_one(rng) for _ in range(5)]
    for _ in range(5):
        running = [job for job in jobs if scene.job(job.id).state == catalog.RUNNING]
        if running:
            job = rng.choice(running)
            scene.until_random_moment(job, rng)
            strike(scene, job, rng.choice([child, pool_process, main_process, everything]))
    for job in jobs:
        ended = scene.until_ended(job)
        assert ended.state == catalog.SUCCEEDED or ended.attempts == ended.max_attempts, ended.error
