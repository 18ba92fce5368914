"""The supervisor of an assistant, which takes shards of a job that another slot owns."""

import time

import pytest

from tests.processes import wait_until
from tests.worker.execution.bench import STOP_NICELY, Bench
from tests.worker.store import FOREVER, plan_shards
from worker.execution.supervisor import assist
from worker.jobs import catalog, jobs, leases, shards
from worker.jobs.database import open_session


@pytest.fixture
def shared(bench: Bench) -> Bench:
    """A running segment-like job of another owner, with three shards, one of which the slot's child has claimed."""
    with open_session(bench.settings) as session:
        plan_shards(session, bench.job.id, 30, 10)
        shards.claim(session, bench.job.id, "owner", FOREVER)
        shards.claim(session, bench.job.id, "slot", 1.0)
    return bench


def free_shards(bench: Bench) -> int:
    """How many shards could be claimed, found by claiming them."""
    with open_session(bench.settings) as session:
        free = iter(lambda: shards.claim(session, bench.job.id, "counter", FOREVER), None)
        return len(list(free))


def test_an_assistant_keeps_its_shards_and_frees_them_at_its_end(shared: Bench) -> None:
    with shared.running("(folder / 'ready').touch(); time.sleep(2)", assist):
        time.sleep(1.5)
        assert free_shards(shared) == 1  # the one that nobody had; that of the slot would have run out
    assert free_shards(shared) == 1
    assert shared.now().state == catalog.RUNNING


@pytest.mark.parametrize("change", ["cancelled", "ended", "taken"])
def test_an_assistant_ends_with_the_attempt_that_it_helps(shared: Bench, change: str) -> None:
    job = shared.job
    with shared.running(STOP_NICELY, assist), open_session(shared.settings) as session:
        match change:
            case "cancelled":
                jobs.cancel(session, job.id)
            case "ended":
                leases.finish(session, job.id, job.fence, catalog.FAILED, error="Because.")
            case _:
                leases.release(session, shared.settings, job.id, job.fence, "crashed")
                leases.claim(session, job.id, "new owner", FOREVER)
    with open_session(shared.settings) as session:
        assert not shards.others_at_work(session, job.id, "owner")


def test_a_job_is_cancelled_when_its_assistants_are_gone(shared: Bench) -> None:
    with open_session(shared.settings) as session:
        shards.claim(session, shared.job.id, "assistant", FOREVER)
        shards.release(session, shared.job.id, "owner")
    with shared.running(STOP_NICELY):
        shared.cancel()
        wait_until(lambda: not shared.living(), 10)
        time.sleep(1)
        assert shared.now().state == catalog.RUNNING
        with open_session(shared.settings) as session:
            shards.release(session, shared.job.id, "assistant")
    assert shared.now().state == catalog.CANCELLED
