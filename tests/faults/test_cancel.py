"""Cancel at each stage of a job: it ends as cancelled, and no process of it is left."""

import random
import time
from collections.abc import Callable

import pytest

from tests.faults.scene import Scene, kill
from tests.processes import wait_until
from worker.jobs import catalog
from worker.jobs.jobs import Job
from worker.jobs.reconciler import Reconciler

pytestmark = [pytest.mark.acceptance, pytest.mark.slow, pytest.mark.faults]

Reach = Callable[[Scene, random.Random], Job]


def queued(scene: Scene, _rng: random.Random) -> Job:
    return scene.train()


def starting(scene: Scene, rng: random.Random) -> Job:
    job = scene.train()
    scene.until_running(job)
    time.sleep(rng.uniform(0, 1))
    return job


def with_readers(scene: Scene, _rng: random.Random) -> Job:
    job = scene.train("DATALOADER.NUM_WORKERS=2", iterations=1_000_000)
    scene.until_at_work(job)
    return job


def saving(scene: Scene, rng: random.Random) -> Job:
    job = scene.train(iterations=1_000_000, save_every=1)
    scene.until_at_work(job, done=rng.randint(1, 20))
    return job


def with_assistants(scene: Scene, rng: random.Random) -> Job:
    job = scene.segment()
    scene.until_random_moment(job, rng)
    return job


def between_attempts(scene: Scene, _rng: random.Random) -> Job:
    job = scene.train(iterations=1_000_000)
    scene.until_at_work(job)
    scene.between_attempts(job, lambda: scene.cancel(job))
    return job


def without_a_worker(scene: Scene, _rng: random.Random) -> Job:
    """All that lives is the web server, which reconciles, too."""
    job = scene.train(iterations=1_000_000)
    scene.until_at_work(job)
    kill(scene.processes())
    return job


@pytest.mark.parametrize(
    "reach", [queued, starting, with_readers, saving, with_assistants, between_attempts, without_a_worker]
)
def test_cancel(scene: Scene, rng: random.Random, reach: Reach) -> None:
    job = reach(scene, rng)
    now = scene.job(job.id)
    if now.state == catalog.SUCCEEDED:
        return  # it was faster, which only a segment job can be
    if not now.is_terminal:
        scene.cancel(job)
    if reach is without_a_worker:
        reconcile_elsewhere(scene, job)
    ended = scene.until_ended(job)
    assert ended.state == catalog.CANCELLED or reach is with_assistants
    wait_until(lambda: not scene.children(job), 20)


def reconcile_elsewhere(scene: Scene, job: Job) -> None:
    """What the web server and `deeplab up` do."""
    reconciler = Reconciler(scene.settings)
    reconciler.start()
    try:
        scene.until_ended(job)
    finally:
        reconciler.stop()
