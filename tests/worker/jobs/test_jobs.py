from dataclasses import replace

import pytest

from tests.worker.store import FOREVER, submit, submit_and_claim
from worker.jobs import catalog, jobs, leases
from worker.jobs.database import open_session
from worker.jobs.jobs import JobNotFoundError, JobStateError
from worker.jobs.records import events
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.settings import Settings
from worker.jobs.watching.job_list import list_jobs


def test_a_submitted_job_is_queued_with_its_whole_configuration(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store, seed=3, overrides="SOLVER.LR=1e-3\nSOLVER.ITER_MAX=7\n")
        assert (job.state, job.kind, job.queue, job.attempts, job.fence) == (catalog.QUEUED, "train", "gpu", 0, 0)
        assert job.max_attempts == store.max_attempts
        assert job.spec["seed"] == 3
        assert (job.config["SOLVER"]["LR"], job.config["SOLVER"]["ITER_MAX"]) == (1e-3, 7)
        assert job.config["SOLVER"]["MOMENTUM"] == 0.9
    with open_session(store) as session:
        assert jobs.get(session, job.id) == job


def test_nothing_is_left_of_a_refused_submission(store: Settings) -> None:
    with pytest.raises(SpecError, match=r"overrides: .*SOLVER.LRR is not a known key"), open_session(store) as session:
        submit(session, store, overrides="SOLVER.LRR=1")
    with open_session(store) as session:
        assert list_jobs(session) == []


def test_an_unknown_job_is_named(store: Settings) -> None:
    with open_session(store) as session, pytest.raises(JobNotFoundError, match="There is no job 7"):
        jobs.get(session, 7)


def test_a_queued_job_is_cancelled_at_once(store: Settings) -> None:
    with open_session(store) as session:
        job = jobs.cancel(session, submit(session, store).id)
        assert job.state == catalog.CANCELLED
        assert job.finished_at is not None
        assert leases.claim(session, job.id, "a", FOREVER) is None


def test_a_running_job_is_asked_to_end(store: Settings) -> None:
    with open_session(store) as session:
        job = jobs.cancel(session, submit_and_claim(session, store).id)
        assert (job.state, job.cancel_requested, job.finished_at) == (catalog.RUNNING, True, None)
        assert jobs.cancel(session, job.id) == job
        assert events.list_events(session, job.id)[-1].message == "cancel requested"


def test_a_finished_job_cannot_be_cancelled(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        leases.finish(session, job.id, job.fence, catalog.SUCCEEDED)
    with pytest.raises(JobStateError, match="Job 1 already succeeded"), open_session(store) as session:
        jobs.cancel(session, job.id)


def test_fraction(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
    assert job.fraction == 0
    assert replace(job, done=5, total=20).fraction == 0.25
    assert replace(job, done=21, total=20).fraction == 1
    assert replace(job, state=catalog.SUCCEEDED).fraction == 1
    assert [replace(job, state=state).is_terminal for state in catalog.STATES] == [False, False, True, True, True]
