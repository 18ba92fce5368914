import json
from datetime import UTC, datetime

import pytest

from tests.worker.store import FOREVER, add_checkpoint, submit_and_claim
from worker.jobs import jobs, leases
from worker.jobs.database import open_session
from worker.jobs.plain_json import adapter_of, as_json
from worker.jobs.settings import Settings
from worker.jobs.watching.whole_job import WholeJob, read_whole_job


def test_a_job_has_its_fields_a_fraction_and_times_in_utc(sqlite_store: Settings) -> None:
    with open_session(sqlite_store) as session:
        job = submit_and_claim(session, sqlite_store)
        leases.set_progress(session, job.id, 3, 12, "iteration", 7.5)
        found = as_json(jobs.get(session, job.id))
    assert found.keys() == {*jobs.Job.__dataclass_fields__, "fraction"}
    assert (found["fraction"], found["eta_seconds"], found["attempts"]) == (0.25, 7.5, 1)
    created = datetime.fromisoformat(found["created_at"])
    assert created.tzinfo == UTC
    assert created.timestamp() == pytest.approx(job.created_at, abs=0.001)


def test_a_whole_job_has_what_it_left_behind(sqlite_store: Settings) -> None:
    with open_session(sqlite_store) as session:
        job = submit_and_claim(session, sqlite_store)
        checkpoint = add_checkpoint(session, sqlite_store, job, 10)
        leases.release(session, sqlite_store, job.id, job.fence, "crashed", "Boom.")
        leases.claim(session, job.id, "b", FOREVER)
        whole = read_whole_job(session, sqlite_store, job.id)
    told = as_json(whole)
    assert told["attempts"] == 2
    assert [(each["outcome"], each["error"]) for each in told["history"]] == [("crashed", "Boom."), (None, None)]
    assert [each["message"] for each in told["events"]][:2] == ["submitted", "claimed by a"]
    assert [(each["id"], each["iteration"]) for each in told["checkpoints"]] == [(checkpoint, 10)]
    assert "config" not in told["checkpoints"][0]
    assert (told["evaluation"], told["trials"], told["obstacle"]) == (None, [], None)
    again = adapter_of(WholeJob).validate_json(json.dumps(told))
    assert as_json(again) == told
