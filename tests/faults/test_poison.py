"""Jobs that end their process at every attempt: exactly as many attempts as there may be, and no other job suffers."""

import random

import pytest

from tests.faults.scene import Scene
from worker.jobs import catalog, jobs
from worker.jobs.database import open_session

pytestmark = [pytest.mark.acceptance, pytest.mark.slow, pytest.mark.faults]


@pytest.mark.parametrize(
    ("poison", "outcome", "sentence"),
    [
        ("SIGKILL", "crashed", "signal 9 (SIGKILL)"),
        ("segfault", "crashed", "signal 11 (SIGSEGV)"),
        ("exit 3", "crashed", "exit status 3"),
        ("out of memory", "out of memory", "memory"),
    ],
)
def test_poison(scene: Scene, rng: random.Random, poison: str, outcome: str, sentence: str) -> None:
    number = scene.evaluate().id + 1
    scene.poison(number, poison)  # before the job is there
    hunger = "IMAGE.SIZE.TRAIN=8001" if poison == "out of memory" else ""
    job = scene.train(hunger, save_every=1_000_000, iterations=1_000_000)  # no checkpoint that would be progress
    neighbours = [scene.evaluate() for _ in range(2)]
    assert job.id == number
    ended = scene.until_ended(job)
    with open_session(scene.settings, reads_only=True) as session:
        attempts = jobs.list_attempts(session, job.id)
    assert [each.outcome for each in attempts] == [outcome] * 3
    assert all(sentence in str(each.error) for each in attempts)
    assert (ended.state, ended.attempts) == (catalog.FAILED, 3)
    for neighbour in neighbours:
        assert scene.until_ended(neighbour).state == catalog.SUCCEEDED
        assert scene.attempts(neighbour) == ["succeeded"]
