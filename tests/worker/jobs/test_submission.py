from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.configs import write_config
from tests.worker.store import add_checkpoint, submit, submit_and_claim
from worker.jobs import catalog, jobs, leases, submission
from worker.jobs.database import open_session
from worker.jobs.job_list import list_jobs
from worker.jobs.jobs import JobStateError
from worker.jobs.records import checkpoints, events
from worker.jobs.requests.specs import SpecError, parse_spec
from worker.jobs.settings import Settings


def first_event(store: Settings, job_id: int) -> str:
    with open_session(store, reads_only=True) as session:
        return events.list_events(session, job_id)[0].message


def test_a_submission_is_committed(store: Settings) -> None:
    spec = parse_spec("train", {"config": str(write_config(store.home)), "overrides": "SOLVER.LR=1e-3"})
    job = submission.submit(store, spec)
    with open_session(store, reads_only=True) as session:
        assert jobs.get(session, job.id) == job
    assert (job.state, job.config["SOLVER"]["LR"]) == (catalog.QUEUED, 1e-3)
    assert first_event(store, job.id) == "submitted"


def test_a_configuration_that_is_refused_leaves_no_job(store: Settings) -> None:
    def refuse(session: Session, config: Mapping[str, Any]) -> None:
        assert config["DATASET"]["N_CLASSES"] == 3
        raise SpecError({"config": "names a path outside."})

    spec = parse_spec("train", {"config": str(write_config(store.home))})
    with pytest.raises(SpecError, match="names a path outside"):
        submission.submit(store, spec, check_config=refuse)
    with open_session(store, reads_only=True) as session:
        assert list_jobs(session) == []


def test_a_checkpoint_that_is_discarded_after_the_check_is_named(store: Settings) -> None:
    with open_session(store) as session:
        trained = submit_and_claim(session, store)
        number = add_checkpoint(session, store, trained)

    def discard(session: Session, config: Mapping[str, Any]) -> None:
        with open_session(store) as other:
            assert checkpoints.discard(other, trained.id, 10)

    with pytest.raises(SpecError, match=f"checkpoint: There is no checkpoint {number}"):
        submission.submit(store, parse_spec("evaluate", {"checkpoint": str(number)}), check_config=discard)
    with open_session(store, reads_only=True) as session:
        assert [job.id for job in list_jobs(session)] == [trained.id]


@pytest.mark.parametrize("state", [catalog.FAILED, catalog.CANCELLED])
def test_a_retry_is_a_new_job_that_resumes_from_the_last_checkpoint(store: Settings, state: str) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        add_checkpoint(session, store, job, 10)
        last = add_checkpoint(session, store, job, 20)
        leases.finish(session, job.id, job.fence, state, error="Because.")
    again = submission.retry(store, job.id)
    assert (again.parent_id, again.state, again.attempts, again.error) == (job.id, catalog.QUEUED, 0, None)
    assert again.spec == {**job.spec, "resume": last}
    assert again.config == job.config
    assert first_event(store, again.id) == f"retry of job {job.id}"
    with open_session(store) as session:
        assert jobs.get(session, job.id).state == state


def test_only_failed_and_cancelled_jobs_are_retried(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
    with pytest.raises(JobStateError, match="is queued; only failed and cancelled jobs can be retried"):
        submission.retry(store, job.id)


def test_a_clone_has_what_was_changed(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store, seed=1)
    clone = submission.clone(store, job.id, {"seed": 2})
    assert clone.id != job.id
    assert clone.spec == {**job.spec, "seed": 2}
    assert first_event(store, clone.id) == f"copy of job {job.id}"
    with pytest.raises(SpecError, match="seed: "):
        submission.clone(store, job.id, {"seed": -1})
