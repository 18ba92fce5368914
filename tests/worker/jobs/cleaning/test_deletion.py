import pytest
from sqlalchemy import func, select

from tests.worker.store import FOREVER, add_checkpoint, submit, submit_and_claim
from worker.jobs import catalog, jobs, leases, storage, submission
from worker.jobs.cleaning import deletion, leftovers
from worker.jobs.database import open_session
from worker.jobs.jobs import JobNotFoundError, JobStateError
from worker.jobs.records import deleted_jobs, metrics
from worker.jobs.settings import Settings
from worker.jobs.tables import Base, DeletedJobRow


def trained(store: Settings) -> tuple[int, int]:
    """A training that has failed, with a file and a checkpoint; both ids."""
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        checkpoint = add_checkpoint(session, store, job)
        metrics.add(session, job.id, 1, {"loss": 1.0})
        leases.finish(session, job.id, job.fence, catalog.FAILED, error="Because.")
    folder = storage.attempt_dir(store, job.id, job.fence)
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text("said")
    return job.id, checkpoint


def test_a_job_goes_with_its_rows_and_files_and_its_id_is_not_given_again(store: Settings) -> None:
    job_id, _ = trained(store)
    child = submission.clone(store, job_id, {})
    with open_session(store) as session:
        assert str(deletion.foresee(session, job_id)).startswith(f"Deleting job {job_id} deletes 1 checkpoint (10 B), ")
    loss = deletion.delete_job(store, job_id)
    assert (loss.n_checkpoints, loss.has_scores) == (1, False)
    assert not storage.job_dir(store, job_id).exists()
    with open_session(store) as session:
        with pytest.raises(JobNotFoundError):
            jobs.get(session, job_id)
        assert jobs.get(session, child.id).parent_id is None
        for table in Base.metadata.tables.values():
            if "job_id" in table.columns:
                assert session.scalar(select(func.count()).where(table.c.job_id == job_id)) == 0, table.name
        assert session.get_one(DeletedJobRow, job_id).folders == []


def test_the_newest_id_is_not_given_again(store: Settings) -> None:
    job_id, _ = trained(store)
    deletion.delete_job(store, job_id)
    with open_session(store) as session:
        assert submit(session, store).id > job_id


def test_what_others_refer_to_stays(store: Settings) -> None:
    job_id, checkpoint = trained(store)
    with open_session(store) as session:
        user = submit(session, store, resume=checkpoint)
    with pytest.raises(JobStateError, match=f"cannot be deleted: job {user.id} refer"):
        deletion.delete_job(store, job_id)
    with open_session(store) as session:
        jobs.cancel(session, user.id)
    deletion.delete_job(store, user.id)
    deletion.delete_job(store, job_id)


@pytest.mark.parametrize("state", [catalog.QUEUED, catalog.RUNNING])
def test_a_job_that_has_not_ended_is_not_deleted(sqlite_store: Settings, state: str) -> None:
    with open_session(sqlite_store) as session:
        job = submit(session, sqlite_store)
        if state == catalog.RUNNING:
            leases.claim(session, job.id, "a", FOREVER)
    with pytest.raises(JobStateError, match=f"Job {job.id} is {state}; cancel it before"):
        deletion.delete_job(sqlite_store, job.id)


def test_a_clean_up_finishes_what_was_interrupted(store: Settings) -> None:
    """A process was killed behind the commit."""
    folder = storage.job_dir(store, 7)
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text("said")
    with open_session(store) as session:
        deleted_jobs.add(session, 7, folder, None)
    found = leftovers.find_leftovers(store)
    assert [(each.path, each.n_bytes, each.job_id) for each in found] == [(folder, 4, 7)]
    assert leftovers.remove(store, found) == 4
    assert not folder.exists()
    assert leftovers.find_leftovers(store) == []
    with open_session(store, reads_only=True) as session:
        assert deleted_jobs.list_unfinished(session) == {}
