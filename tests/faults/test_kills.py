"""SIGKILL at a random moment: a job ends well all the same, and its neighbour hears nothing of it."""

import random

import pytest

from tests.faults.scene import Scene, kill
from tests.faults.strikes import Choose, child, everything, main_process, pool_process, strike
from tests.processes import wait_until
from worker.jobs import catalog

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]


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
