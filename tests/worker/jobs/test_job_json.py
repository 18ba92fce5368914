import json

from tests.worker.store import FOREVER, add_checkpoint, submit_and_claim
from worker.jobs import jobs, leases
from worker.jobs.database import open_session
from worker.jobs.job_json import job_as_json, whole_job_as_json
from worker.jobs.settings import Settings


def test_a_job_has_its_fields_and_a_fraction(sqlite_store: Settings) -> None:
    with open_session(sqlite_store) as session:
        job = submit_and_claim(session, sqlite_store)
        leases.set_progress(session, job.id, 3, 12, "iteration", 7.5)
        found = job_as_json(jobs.get(session, job.id))
    assert found.keys() == {*jobs.Job.__dataclass_fields__, "fraction"}
    assert (found["fraction"], found["eta_seconds"], found["attempts"]) == (0.25, 7.5, 1)


def test_a_whole_job_has_what_it_left_behind(sqlite_store: Settings) -> None:
    with open_session(sqlite_store) as session:
        job = submit_and_claim(session, sqlite_store)
        checkpoint = add_checkpoint(session, sqlite_store, job, 10)
        leases.release(session, sqlite_store, job.id, job.fence, "crashed", "Boom.")
        leases.claim(session, job.id, "b", FOREVER)
        whole = whole_job_as_json(session, sqlite_store, jobs.get(session, job.id))
    assert json.loads(json.dumps(whole, allow_nan=False)) == whole
    assert whole["attempts"] == 2
    assert [(each["outcome"], each["error"]) for each in whole["history"]] == [("crashed", "Boom."), (None, None)]
    assert [each["message"] for each in whole["events"]][:2] == ["submitted", "claimed by a"]
    assert [(each["id"], each["iteration"]) for each in whole["checkpoints"]] == [(checkpoint, 10)]
    assert "config" not in whole["checkpoints"][0]
    assert (whole["evaluation"], whole["trials"], whole["obstacle"]) == (None, [], None)
