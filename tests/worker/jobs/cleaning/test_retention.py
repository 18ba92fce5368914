import pytest

from tests.worker.store import add_checkpoint, submit, submit_and_claim
from worker.jobs.cleaning import retention
from worker.jobs.cleaning.retention import Rules
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.records import checkpoints, metrics
from worker.jobs.settings import Settings

SCORES = {10: 0.2, 20: 0.5, 30: None, 40: 0.4, 50: 0.1, 60: None}


@pytest.fixture
def job(store: Settings) -> Job:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        for iteration, mean_iou in SCORES.items():
            add_checkpoint(session, store, job, iteration)
            if mean_iou is not None:
                metrics.add(session, job.id, iteration, {"mean_iou": mean_iou})
    return job


def left(store: Settings, job: Job) -> list[int]:
    with open_session(store, reads_only=True) as session:
        found = checkpoints.list_checkpoints(session, job.id)
    assert all(each.path.exists() for each in found)
    return sorted(each.iteration for each in found)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(1, 1), [20, 60]),
        (Rules(2, 2), [20, 40, 50, 60]),
        (Rules(0, 0), [60]),
        (Rules(9, 1), [10, 20, 40, 50, 60]),
    ],
)
def test_the_best_and_the_last_are_kept(store: Settings, job: Job, rules: Rules, expected: list[int]) -> None:
    gone = retention.prune(store, job.id, rules)
    assert left(store, job) == expected
    assert not any(each.path.exists() for each in gone)
    assert retention.prune(store, job.id, rules) == []


def test_what_is_pinned_or_referred_to_is_kept(store: Settings, job: Job) -> None:
    with open_session(store) as session:
        by_iteration = {each.iteration: each.id for each in checkpoints.list_checkpoints(session, job.id)}
        checkpoints.pin(session, by_iteration[10], pinned=True)
        submit(session, store, resume=by_iteration[30])
        submit(session, store, resume=by_iteration[40])
    retention.prune(store, job.id, Rules(0, 1))
    assert left(store, job) == [10, 30, 40, 60]
    with open_session(store) as session:
        checkpoints.pin(session, by_iteration[10], pinned=False)
    retention.prune(store, job.id, Rules(0, 1))
    assert left(store, job) == [30, 40, 60]


def test_a_training_keeps_what_is_pinned(store: Settings, job: Job) -> None:
    with open_session(store) as session:
        found = {each.iteration: each.id for each in checkpoints.list_checkpoints(session, job.id)}
        checkpoints.pin(session, found[10], pinned=True)
        assert checkpoints.discard(session, job.id, 10) == []
        assert len(checkpoints.discard(session, job.id, 20)) == 1
