"""What counts against a job: by outcome, and anew after progress."""

import re
from collections.abc import Sequence

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from tests.worker.store import FOREVER, add_checkpoint, plan_shards, submit, submit_segment
from worker.jobs import catalog, jobs, leases, outbox, outcomes, shards, workers
from worker.jobs.database import db_now, open_session
from worker.jobs.jobs import Job
from worker.jobs.outcomes import CRASHED, LOST, OUT_OF_MEMORY, OUTAGE, PREEMPTED, STALLED
from worker.jobs.scheduling import next_job
from worker.jobs.settings import Settings
from worker.jobs.tables import JobRow
from worker.jobs.watching.waiting import find_obstacle


def attempt(session: Session, store: Settings, job: Job, outcome: str, iteration: int | None = None) -> Job:
    """Claim a job, save a checkpoint if one is named, and end the attempt."""
    claimed = leases.claim(session, job.id, "a", FOREVER)
    assert claimed is not None
    if iteration is not None:
        add_checkpoint(session, store, claimed, iteration)
    leases.release(session, store, job.id, claimed.fence, outcome, f"It {outcome}.")
    return jobs.get(session, job.id)


def history(session: Session, job: Job) -> Sequence[str | None]:
    return [each.outcome for each in jobs.list_attempts(session, job.id)]


@pytest.mark.parametrize("outcome", [CRASHED, OUT_OF_MEMORY, STALLED, OUTAGE, LOST])
def test_an_attempt_that_got_further_starts_the_counts_anew(store: Settings, outcome: str) -> None:
    settings = store.model_copy(update={"max_outages": 3, "max_lost_leases": 3})
    with open_session(store) as session:
        job = submit(session, store)
        for iteration in range(10, 100, 10):
            job = attempt(session, settings, job, outcome, iteration)
            assert job.state == catalog.QUEUED
        for _ in range(2):
            job = attempt(session, settings, job, outcome)
        assert job.state == catalog.FAILED
        assert history(session, job) == [outcome] * 11
        assert str(job.error).endswith(f" Last one: It {outcome}.")


def test_outcomes_are_counted_apart(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        for outcome in (OUTAGE, LOST, PREEMPTED, CRASHED, OUTAGE, LOST, PREEMPTED, STALLED):
            job = attempt(session, store, job, outcome)
        assert (job.attempts, job.outages, job.lost_leases, job.preemptions) == (2, 2, 2, 2)
        assert outcomes.describe_standing(job, store) == (
            "2 outages that saved nothing new, of 20, 2 lost leases that saved nothing new, of 20,"
            " 2 preemptions that saved nothing new, of 20"
        )
        job = attempt(session, store, job, OUT_OF_MEMORY)
        assert (job.state, job.error) == (catalog.FAILED, "Failed after 3 attempts. Last one: It out of memory.")


def test_preemptions_are_bounded_unless_they_save_something(store: Settings) -> None:
    settings = store.model_copy(update={"max_preemptions": 4})
    with open_session(store) as session:
        job = submit(session, store)
        for iteration in (10, 20, 30, 40, 50):
            job = attempt(session, settings, job, PREEMPTED, iteration)
            assert job.preemptions == 0
        for _ in range(4):
            job = attempt(session, settings, job, PREEMPTED)
        assert job.state == catalog.FAILED
        assert job.error == "Failed after 4 preemptions that saved nothing new. Last one: It preempted."


def test_a_finished_shard_is_progress(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_segment(session, store)
        plan_shards(session, job.id, 6, 1)
        for number in range(4):
            claimed = leases.claim(session, job.id, "a", FOREVER)
            assert claimed is not None
            if number != 2:
                shard = shards.claim(session, job.id, "a", FOREVER)
                assert shard is not None
                shards.finish(session, shard, store.home / "manifest.csv", 1, 0)
            leases.release(session, store, job.id, claimed.fence, CRASHED)
            assert jobs.get(session, job.id).attempts == (2 if number == 2 else 1)


def test_a_job_waits_between_attempts_and_says_why(store: Settings) -> None:
    settings = store.model_copy(update={"retry_seconds": 100.0})
    with open_session(store) as session:
        workers.register(session, "gpu@here", "gpu", "CPU")
        job = attempt(session, settings, submit(session, store), PREEMPTED)
        assert job.not_before is None  # the first one is tried again at once
        job = attempt(session, settings, job, CRASHED)
        assert leases.claim(session, job.id, "a", FOREVER) is None
        assert outbox.list_new(session) == []
        sentence = "Its last attempt crashed; the next one starts in [12] min "
        assert re.match(sentence, str(find_obstacle(session, store, job)))
        session.execute(update(JobRow).values(not_before=db_now() - 1))
        next_job.wake(session)
        session.expire_all()
        assert [each.id for each in outbox.list_new(session)] == [job.id]
        assert find_obstacle(session, store, jobs.get(session, job.id)) is None
        assert leases.claim(session, job.id, "a", FOREVER) is not None


def test_pauses_grow_and_have_an_end(settings: Settings) -> None:
    slow = settings.model_copy(update={"retry_seconds": 2.0})
    pauses = [outcomes.pause_seconds(CRASHED, n, slow) for n in range(1, 40)]
    assert 1.5 <= pauses[0] <= 2.5
    assert 3 <= pauses[1] <= 5
    assert all(225 <= pause <= 375 for pause in pauses[10:])
    assert outcomes.pause_seconds(LOST, 1, slow) == 0
