"""From where a train job continues. The trainings are real, and two iterations long."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deeplab.checkpoint import load_checkpoint
from deeplab.errors import CheckpointError
from tests.worker.kinds.store import Attempts
from worker import records, storage
from worker.database import open_session
from worker.kinds import run_attempt
from worker.records import Checkpoint
from worker.settings import Settings

pytestmark = pytest.mark.slow


def damage(checkpoint: Checkpoint) -> None:
    content = bytearray(checkpoint.path.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.path.write_bytes(content)


def remove(checkpoint: Checkpoint) -> None:
    checkpoint.path.unlink()


@pytest.fixture
def attempts(sqlite_store: Settings, tmp_path: Path) -> Attempts:
    return Attempts(sqlite_store, tmp_path)


def test_a_first_attempt_starts_from_nothing_and_records_what_it_saves(attempts: Attempts) -> None:
    attempt = attempts.claim(attempts.submit_train())
    result = run_attempt(attempt)
    last, first = attempts.checkpoints(attempt.job)
    assert result == {"checkpoint": last.id, "iteration": 2}
    assert [first.iteration, last.iteration] == [1, 2]
    for each in (first, last):
        assert each.path.parent == attempt.folder
        assert storage.sha256_of(each.path) == each.sha256
        assert load_checkpoint(each.path).iteration == each.iteration
    assert not [each for each in attempts.events(attempt.job) if each.startswith("resumed")]


def test_the_job_s_own_checkpoint_comes_before_the_one_that_was_asked_for(attempts: Attempts) -> None:
    other = attempts.claim(attempts.submit_train())
    asked_for = run_attempt(other)["checkpoint"]
    job = attempts.submit_train(resume=asked_for)

    first = attempts.claim(job)
    run_attempt(first)
    assert f"resumed from checkpoint {asked_for} at iteration 2" in attempts.events(job)
    own = attempts.checkpoints(job)[0]
    attempts.crash(first)
    run_attempt(attempts.claim(job))
    assert attempts.events(job)[-1] == f"resumed from checkpoint {own.id} at iteration 2"


@pytest.mark.parametrize("spoil", [damage, remove])
def test_a_spoilt_checkpoint_is_passed_over(attempts: Attempts, spoil: Callable[[Checkpoint], None]) -> None:
    job = attempts.submit_train()
    first = attempts.claim(job)
    run_attempt(first)
    last, previous = attempts.checkpoints(job)
    spoil(last)
    attempts.crash(first)

    result = run_attempt(attempts.claim(job))
    passed_over, resumed = attempts.events(job)[-2:]
    assert passed_over.startswith(f"passed over a checkpoint: Checkpoint {last.id} (iteration 2 of job {job.id}) ")
    assert resumed == f"resumed from checkpoint {previous.id} at iteration 1"
    with open_session(attempts.settings) as session:
        assert records.get_checkpoint(session, result["checkpoint"]).iteration == 2


def test_a_spoilt_checkpoint_that_was_asked_for_is_refused(attempts: Attempts) -> None:
    other = attempts.claim(attempts.submit_train())
    asked_for = run_attempt(other)["checkpoint"]
    damage(attempts.checkpoints(other.job)[0])
    attempt = attempts.claim(attempts.submit_train(resume=asked_for))
    with pytest.raises(CheckpointError, match=f"Checkpoint {asked_for} .* is damaged: .* has changed since"):
        run_attempt(attempt)
