"""From where a train job continues. The trainings are real, and two iterations long."""

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from deeplab.errors import CheckpointError, ImageError
from deeplab.files import sha256_of
from deeplab.reporter import Stopped
from deeplab.training.checkpoint import load_checkpoint
from tests.worker.execution.kinds.store import Attempts
from worker.execution.kinds import require_intact, run_attempt
from worker.jobs import storage
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.ownership.pins import InputChangedError
from worker.jobs.records import checkpoints, metrics
from worker.jobs.records.checkpoints import Checkpoint
from worker.jobs.settings import Settings

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
    assert result == {"checkpoint": last.id, "iteration": 2, "best_checkpoint": None, "mean_iou": None}
    assert [first.iteration, last.iteration] == [1, 2]
    for each in (first, last):
        assert each.path.parent == attempt.folder
        assert sha256_of(each.path) == each.sha256
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
def test_a_spoilt_checkpoint_is_skipped(attempts: Attempts, spoil: Callable[[Checkpoint], None]) -> None:
    job = attempts.submit_train()
    first = attempts.claim(job)
    run_attempt(first)
    last, previous = attempts.checkpoints(job)
    spoil(last)
    attempts.crash(first)

    result = run_attempt(attempts.claim(job))
    skipped, resumed = attempts.events(job)[-2:]
    assert skipped.startswith(f"skipped a checkpoint: Checkpoint {last.id} (iteration 2 of job {job.id}) ")
    assert resumed == f"resumed from checkpoint {previous.id} at iteration 1"
    with open_session(attempts.settings) as session:
        assert checkpoints.get(session, result["checkpoint"]).iteration == 2


def test_a_spoilt_checkpoint_that_was_asked_for_is_refused(attempts: Attempts) -> None:
    other = attempts.claim(attempts.submit_train())
    asked_for = run_attempt(other)["checkpoint"]
    damage(attempts.checkpoints(other.job)[0])
    attempt = attempts.claim(attempts.submit_train(resume=asked_for))
    with pytest.raises(CheckpointError, match=f"Checkpoint {asked_for} .* is damaged: .* has changed since"):
        run_attempt(attempt)


EVALUATED = ("SOLVER.EVAL_EVERY=1", "SOLVER.KEEP_LAST=1", "SOLVER.ITER_MAX=3")


def test_what_was_trained_before_an_image_fails_is_recorded(attempts: Attempts) -> None:
    job = attempts.submit_train(overrides=("SOLVER.ITER_SAVE=100", "SOLVER.ITER_MAX=4"))
    path = min((attempts.root / "images").iterdir())
    content, times = path.read_bytes(), path.stat()
    half = len(content) // 2
    path.write_bytes(content[:half].ljust(len(content), b"\0"))  # of another size, it would count as exchanged
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    first = attempts.claim(job)
    with pytest.raises(ImageError):
        run_attempt(first)
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    (saved,) = attempts.checkpoints(job)
    assert 0 < saved.iteration < 4
    attempts.crash(first)
    run_attempt(attempts.claim(job))
    assert attempts.events(job)[-1] == f"resumed from checkpoint {saved.id} at iteration {saved.iteration}"


def test_an_attempt_that_finds_an_image_exchanged_is_refused(attempts: Attempts) -> None:
    job = attempts.submit_train(overrides=("SOLVER.ITER_SAVE=100", "SOLVER.ITER_MAX=1"))
    first = attempts.claim(job)
    run_attempt(first)
    attempts.crash(first)
    (attempts.root / "masks/1.png").write_bytes((attempts.root / "masks/0.png").read_bytes())
    with pytest.raises(InputChangedError, match=r"The split train of .* was changed since job \d+ began"):
        run_attempt(attempts.claim(job))


def test_a_job_may_end_early(attempts: Attempts) -> None:
    never_better = ("SOLVER.LR=1e-20", "SOLVER.EVAL_EVERY=1", "SOLVER.PATIENCE=1", "SOLVER.ITER_MAX=9")
    job = attempts.submit_train(overrides=never_better)
    done = attempts.succeed(attempts.claim(job))
    assert done.result is not None
    assert done.result["iteration"] == 2
    assert (done.done, done.total) == (2, 2)
    assert (
        "Ended early at iteration 2: 1 validation in a row had no better mean IoU (SOLVER.PATIENCE)."
        in attempts.events(job)
    )


def mean_ious(attempts: Attempts, job: Job) -> dict[int, float]:
    with open_session(attempts.settings, reads_only=True) as session:
        return {int(iteration): value for iteration, value in metrics.list_metrics(session, job.id)["mean_iou"]}


def assert_kept(attempts: Attempts, job: Job, best: int) -> None:
    """The best and the newest checkpoint are left, whole, and no other file."""
    checkpoints = attempts.checkpoints(job)
    assert {each.iteration for each in checkpoints} == {best, 3}
    assert {each.iteration for each in checkpoints if each.is_best} == {best}
    for each in checkpoints:
        require_intact(each)
    files = {path.name for path in storage.job_dir(attempts.settings, job.id).rglob("checkpoint_*.pth")}
    assert files == {f"checkpoint_{best:07d}.pth", "checkpoint_0000003.pth", "checkpoint_final.pth"}


def test_the_best_checkpoint_and_the_newest_are_left(attempts: Attempts) -> None:
    job = attempts.submit_train(overrides=EVALUATED)
    result = run_attempt(attempts.claim(job))

    scores = mean_ious(attempts, job)
    best = max(scores, key=lambda iteration: scores[iteration])
    assert_kept(attempts, job, best)
    with open_session(attempts.settings) as session:
        assert checkpoints.get(session, result["best_checkpoint"]).iteration == best
    assert result["mean_iou"] == scores[best]


def test_another_attempt_keeps_the_best_and_lets_go_of_what_the_first_one_saved(attempts: Attempts) -> None:
    whole, stopped = attempts.submit_train(overrides=EVALUATED), attempts.submit_train(overrides=EVALUATED)
    run_attempt(attempts.claim(whole))

    calls = count()
    first = attempts.claim(stopped, should_stop=lambda: next(calls) == 6)  # in the middle of the second evaluation
    with pytest.raises(Stopped):
        run_attempt(first)
    assert [each.iteration for each in attempts.checkpoints(stopped)] == [2, 1]
    attempts.crash(first)
    run_attempt(attempts.claim(stopped))

    scores = mean_ious(attempts, whole)
    assert mean_ious(attempts, stopped) == scores
    assert_kept(attempts, stopped, best=max(scores, key=lambda iteration: scores[iteration]))


@pytest.mark.parametrize(("split", "is_known"), [("val", True), ("train", False)])
def test_a_job_that_continues_another_one_knows_its_best(attempts: Attempts, split: str, is_known: bool) -> None:
    earlier = run_attempt(attempts.claim(attempts.submit_train(overrides=EVALUATED)))
    overrides = (*EVALUATED, "SOLVER.EVAL_EVERY=9", f"DATASET.SPLIT.VAL={split}")
    job = attempts.submit_train(overrides=overrides, resume=earlier["checkpoint"])

    result = run_attempt(attempts.claim(job))

    assert (result["best_checkpoint"] == earlier["best_checkpoint"]) == is_known
