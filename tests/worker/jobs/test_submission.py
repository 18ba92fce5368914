from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.configs import write_config
from tests.worker.store import FOREVER, add_checkpoint, plan_shards, submit, submit_and_claim, submit_segment
from worker.jobs import catalog, jobs, leases, shards, submission
from worker.jobs.database import open_session
from worker.jobs.jobs import JobStateError
from worker.jobs.records import checkpoints, events
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import Spec, parse_spec
from worker.jobs.roots import Roots
from worker.jobs.settings import Settings
from worker.jobs.watching.job_list import list_jobs


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
    def refuse(session: Session, spec: Spec, config: Mapping[str, Any]) -> Roots:
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

    def discard(session: Session, spec: Spec, config: Mapping[str, Any]) -> Roots:
        with open_session(store) as other:
            assert checkpoints.discard(other, trained.id, 10)
        return Roots([], [])

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


def segmented(store: Settings, n_error: int, state: str | None = catalog.SUCCEEDED) -> int:
    """A segment job of six images, some of which failed."""
    with open_session(store) as session:
        job = leases.claim(session, submit_segment(session, store, output=str(store.home / "masks")).id, "a", FOREVER)
        assert job is not None
        plan_shards(session, job.id, 6, 6)
        shard = shards.claim(session, job.id, "a", FOREVER)
        assert shard is not None
        shards.finish(session, shard, store.home / "0.csv", 6 - n_error, n_error)
        if state is not None:
            leases.finish(session, job.id, job.fence, state)
    return job.id


def test_what_failed_is_tried_again_in_a_folder_of_its_own(store: Settings) -> None:
    job_id = segmented(store, n_error=2)
    again = submission.retry_failed(store, job_id)
    with open_session(store, reads_only=True) as session:
        job = jobs.get(session, job_id)
        assert jobs.list_retries_of_failed(session, job_id) == [again.id]
    assert again.spec == {**job.spec, "only_failed_of": job_id, "output": None}
    assert (again.parent_id, again.is_retry, again.state) == (job_id, True, catalog.QUEUED)


def test_where_nothing_failed_there_is_nothing_to_try_again(store: Settings) -> None:
    with pytest.raises(JobStateError, match="No image failed in job"):
        submission.retry_failed(store, segmented(store, n_error=0))
    with pytest.raises(JobStateError, match=r"\(segment, running\) is not a segment job that has ended"):
        submission.retry_failed(store, segmented(store, n_error=1, state=None))
    with open_session(store) as session:
        trained = submit_and_claim(session, store)
    with pytest.raises(JobStateError, match=r"\(train, running\) is not a segment job"):
        submission.retry_failed(store, trained.id)


def test_a_request_names_a_job_in_which_some_of_its_images_failed(store: Settings) -> None:
    job_id = segmented(store, n_error=2)
    with open_session(store, reads_only=True) as session:
        request = jobs.get(session, job_id).spec

    def refused(**changes: Any) -> str:
        with pytest.raises(SpecError) as caught:
            submission.submit(store, parse_spec("segment", {**request, **changes}))
        return caught.value.fields["only_failed_of"]

    assert refused(only_failed_of=999) == "There is no job 999."
    assert "is not a segment job that has ended" in refused(only_failed_of=1)
    assert "No image failed in job" in refused(only_failed_of=segmented(store, n_error=0))
    assert "is of the input" in refused(only_failed_of=job_id, input=f"{request['input']}/..")
