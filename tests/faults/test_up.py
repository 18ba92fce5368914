"""`deeplab up` is killed, and with it everything; what runs goes on when it is started again."""

import random
import time
from pathlib import Path

import pytest

from tests.acceptance.up_process import running_up
from tests.faults.invariants import find_violations
from tests.faults.scene import Inputs, kill
from tests.processes import family_of, lives, wait_until
from worker.jobs import catalog, jobs, submission
from worker.jobs.broker.queue import try_publish
from worker.jobs.database import open_session
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings

pytestmark = [pytest.mark.acceptance, pytest.mark.slow, pytest.mark.faults]


@pytest.mark.parametrize("what", ["up alone", "everything"])
def test_up_is_killed_and_started_again(
    fresh: Settings, inputs: Inputs, rng: random.Random, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    for name, value in fresh.environment().items():
        if name.startswith("DEEPLAB_") and name not in ("DEEPLAB_HOME", "DEEPLAB_PORT", "DEEPLAB_HOST"):
            monkeypatch.setenv(name, value)
    # A lease so long that nobody can wait for it: the machine knows that the owner is dead.
    monkeypatch.setenv("DEEPLAB_LEASE_SECONDS", "600")
    keys = "SOLVER.ITER_MAX=300\nSOLVER.ITER_SAVE=20"
    submitted = []
    with running_up(Path(fresh.home)) as up:
        for _ in range(2):
            job = submission.submit(fresh, parse_spec("train", {"config": str(inputs.config), "overrides": keys}))
            try_publish(fresh, job)
            submitted.append(job)
        wait_until(lambda: state_of(fresh, submitted[0].id) == catalog.RUNNING, 200)
        time.sleep(rng.uniform(0, 6))
        family = family_of(up.process.pid)
        kill([each for each in family if what == "everything" or each.pid == up.process.pid])
        up.process.wait()
        wait_until(lambda: not any(lives(each) for each in family), 30)
    with running_up(Path(fresh.home)):
        for job in submitted:
            wait_until(lambda job=job: state_of(fresh, job.id) in catalog.TERMINAL, 240)  # type: ignore[misc]
            assert state_of(fresh, job.id) == catalog.SUCCEEDED
    assert find_violations(fresh) == []


def state_of(settings: Settings, job_id: int) -> str:
    with open_session(settings, reads_only=True) as session:
        return jobs.get(session, job_id).state
