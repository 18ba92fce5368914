import pytest

from tests.worker.store import add_checkpoint, submit_and_claim
from worker.jobs import catalog, jobs, leases, submission
from worker.jobs.cleaning.checkpoint_deletion import CheckpointInUseError, delete_checkpoint, foresee
from worker.jobs.database import open_session
from worker.jobs.records import aliases, checkpoints, metrics
from worker.jobs.records.checkpoints import CheckpointNotFoundError
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings


@pytest.fixture
def saved(store: Settings) -> list[int]:
    """Three checkpoints of job 1, of which the second is the best; the job runs."""
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        for iteration, mean_iou in ((10, 0.3), (20, 0.6), (30, 0.5)):
            metrics.add(session, job.id, iteration, {"mean_iou": mean_iou})
        return [add_checkpoint(session, store, job, each, is_best=each == 20) for each in (10, 20, 30)]


def end(store: Settings, saved: list[int]) -> None:
    with open_session(store) as session:
        result = {"checkpoint": saved[2], "iteration": 30, "best_checkpoint": saved[1], "mean_iou": 0.6}
        leases.finish(session, 1, 1, catalog.SUCCEEDED, result=result)


def test_it_says_what_goes_and_the_next_best_takes_its_place(store: Settings, saved: list[int]) -> None:
    end(store, saved)
    with open_session(store) as session:
        path = checkpoints.get(session, saved[1]).path
        sentence = str(foresee(session, saved[1]))
        assert sentence == "Deleting checkpoint 2 deletes 10 B of weights; it is the best of job 1."
        assert str(foresee(session, saved[2])).endswith("it is the last of job 1.")
    delete_checkpoint(store, saved[1])
    assert not path.exists()
    with open_session(store) as session:
        with pytest.raises(CheckpointNotFoundError):
            checkpoints.get(session, saved[1])
        job = jobs.get(session, 1)
    assert job.best_checkpoint == saved[2]
    assert job.result == {"checkpoint": saved[2], "iteration": 30, "best_checkpoint": None, "mean_iou": 0.6}
    for checkpoint_id in (saved[0], saved[2]):
        delete_checkpoint(store, checkpoint_id)
    with open_session(store) as session:
        assert jobs.get(session, 1).best_checkpoint is None


def test_what_is_in_use_stays_and_the_reason_is_said(store: Settings, saved: list[int]) -> None:
    refused = "Checkpoint 1 cannot be deleted: "
    with pytest.raises(CheckpointInUseError, match=refused + "job 1, which saved it, is running"):
        delete_checkpoint(store, saved[0])
    end(store, saved)
    with open_session(store) as session:
        checkpoints.pin(session, saved[0], pinned=True)
    with pytest.raises(CheckpointInUseError, match=refused + "it is pinned"):
        delete_checkpoint(store, saved[0])
    with open_session(store) as session:
        checkpoints.pin(session, saved[0], pinned=False)
        aliases.move(session, "champion", saved[0])
    with pytest.raises(CheckpointInUseError, match=refused + "champion stands for it"):
        delete_checkpoint(store, saved[0])
    with open_session(store) as session:
        aliases.remove(session, "champion")
    submission.submit(store, parse_spec("evaluate", {"checkpoint": "1"}))
    with pytest.raises(CheckpointInUseError, match=refused + "job 2 used it; delete these first"):
        delete_checkpoint(store, saved[0])
