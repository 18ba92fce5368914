"""The look at the invariants sees what it is for."""

import pytest
from sqlalchemy import update

from deeplab.files import sha256_of
from tests.faults.invariants import find_violations
from tests.worker.store import FOREVER, add_checkpoint, submit_and_claim
from worker.jobs import catalog, leases, storage
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.outcomes import LOST
from worker.jobs.records import checkpoints
from worker.jobs.settings import Settings
from worker.jobs.tables import AttemptRow, CheckpointRow, JobRow


@pytest.fixture
def ended(sqlite_store: Settings) -> Job:
    """A job that lost its lease once, saved a checkpoint, and succeeded."""
    with open_session(sqlite_store) as session:
        job = submit_and_claim(session, sqlite_store)
        leases.release(session, sqlite_store, job.id, job.fence, LOST, "Gone.")
        again = leases.claim(session, job.id, "b", FOREVER)
        assert again is not None
        add_checkpoint(session, sqlite_store, again)
        saved = checkpoints.find_last(session, job.id)
        assert saved is not None
        session.execute(update(CheckpointRow).values(sha256=sha256_of(saved.path)))
        leases.finish(session, again.id, again.fence, catalog.SUCCEEDED)
    storage.attempt_dir(sqlite_store, again.id, again.fence).mkdir(parents=True)
    return again


def test_nothing_is_wrong(sqlite_store: Settings, ended: Job) -> None:
    assert find_violations(sqlite_store) == []
    assert ended.fence == 2


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (update(JobRow).values(state="running"), "has not ended: running"),
        (update(JobRow).values(lease_until=1.0), "holds a lease"),
        (update(JobRow).values(fence=3), "its fences are [1, 2]"),
        (update(JobRow).values(attempts=4), "4 attempts are more than it may have"),
        (update(JobRow).values(best_checkpoint=99), "names checkpoints {99}"),
        (update(AttemptRow).values(outcome="succeeded"), "2 attempts succeeded"),
        (update(AttemptRow).values(outcome=None), "not each attempt has ended"),
        (update(AttemptRow).where(AttemptRow.fence == 1).values(finished_at=9e9), "at the same time"),
        (update(CheckpointRow).values(sha256="0"), "is another one"),
        (update(CheckpointRow).values(path="/nowhere"), "is gone"),
    ],
)
def test_what_is_wrong_in_rows(sqlite_store: Settings, ended: Job, spoil: object, said: str) -> None:
    with open_session(sqlite_store) as session:
        session.execute(spoil)  # type: ignore[call-overload]
    assert any(said in each for each in find_violations(sqlite_store))
    assert ended.id


def test_what_is_wrong_with_files(sqlite_store: Settings, ended: Job) -> None:
    folder = storage.attempt_dir(sqlite_store, ended.id, 1)
    folder.mkdir(parents=True)
    (folder / "checkpoint_0000099.pth").write_bytes(b"")
    (said,) = find_violations(sqlite_store)
    assert "checkpoint_0000099.pth" in said
