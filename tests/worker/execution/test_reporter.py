import threading
import time
from pathlib import Path

import pytest

from deeplab.files import sha256_of
from deeplab.reporter import VALIDATION_IMAGE
from tests.worker.store import FOREVER, OVER, submit, submit_and_claim
from worker.execution.reporter import AliveFile, JobReporter, Rate
from worker.jobs import jobs, leases, storage
from worker.jobs.database import engine_for, open_session
from worker.jobs.jobs import Job
from worker.jobs.leases import LeaseLostError
from worker.jobs.records import checkpoints, metrics
from worker.jobs.settings import Settings


def build(store: Settings, job: Job) -> JobReporter:
    alive = storage.alive_in(storage.attempt_dir(store, job.id, job.fence))
    alive.parent.mkdir(parents=True, exist_ok=True)
    return JobReporter(store, job.id, job.fence, AliveFile(alive), lambda: False)


def claimed(store: Settings, lease_seconds: float = FOREVER) -> Job:
    with open_session(store) as session:
        return submit_and_claim(session, store, lease_seconds=lease_seconds)


def now(store: Settings, job: Job) -> Job:
    with open_session(store, reads_only=True) as session:
        return jobs.get(session, job.id)


def test_progress_is_recorded_about_once_a_second(store: Settings) -> None:
    job = claimed(store)
    reporter = build(store, job)
    reporter.progress(1, 10, "iteration")
    reporter.progress(2, 10, "iteration")
    assert (now(store, job).done, now(store, job).total, now(store, job).unit) == (1, 10, "iteration")
    time.sleep(1.05)
    reporter.progress(3, 10, "iteration")
    assert now(store, job).done == 3
    reporter.progress(4, 10, "iteration")
    reporter.flush()
    assert now(store, job).done == 4


def test_the_estimate_counts_what_this_attempt_did() -> None:
    rate = Rate()
    assert rate.eta_seconds(100, 200) is None  # where an earlier attempt ended
    time.sleep(0.2)
    eta = rate.eta_seconds(110, 200)
    assert eta is not None
    assert 1.8 <= eta < 3  # 10 in 0.2 s, 90 to go
    assert rate.eta_seconds(200, 200) == 0


def test_metrics_are_recorded_with_the_next_write(store: Settings) -> None:
    job = claimed(store)
    reporter = build(store, job)
    reporter.metrics(1, {"loss": 0.5})
    reporter.metrics(1, {"lr/group0": 0.1})
    reporter.metrics(2, {"loss": float("nan"), "lr/group0": 0.1})
    reporter.flush()
    with open_session(store) as session:
        assert metrics.list_metrics(session, job.id) == {"loss": [[1, 0.5]], "lr/group0": [[1, 0.1], [2, 0.1]]}


def test_a_checkpoint_is_recorded_at_once_with_its_hash(store: Settings, tmp_path: Path) -> None:
    job = claimed(store)
    path = tmp_path / "checkpoint_0000010.pth"
    path.write_bytes(b"weights")
    build(store, job).checkpoint(path, 10, is_best=True)
    with open_session(store) as session:
        [checkpoint] = checkpoints.list_checkpoints(session, job.id)
    assert (checkpoint.path, checkpoint.iteration, checkpoint.n_bytes) == (path, 10, 7)
    assert checkpoint.sha256 == sha256_of(path)
    assert checkpoint.is_best
    assert now(store, job).best_checkpoint == checkpoint.id


def saved(reporter: JobReporter, folder: Path, *iterations: int) -> list[Path]:
    paths = [folder / f"checkpoint_{iteration:07d}.pth" for iteration in iterations]
    for path, iteration in zip(paths, iterations, strict=True):
        path.write_bytes(b"weights")
        reporter.checkpoint(path, iteration, is_best=False)
    return paths


def iterations(store: Settings) -> list[int]:
    with open_session(store, reads_only=True) as session:
        return [each.iteration for each in checkpoints.list_checkpoints(session)]


def test_a_discarded_checkpoint_is_forgotten_and_then_deleted(store: Settings, tmp_path: Path) -> None:
    reporter = build(store, claimed(store))
    old, new = saved(reporter, tmp_path, 10, 20)
    reporter.discard(old, 10)
    assert iterations(store) == [20]
    assert not old.exists()
    assert new.exists()


def test_a_discarded_checkpoint_that_a_job_uses_stays(store: Settings, tmp_path: Path) -> None:
    reporter = build(store, claimed(store))
    (path,) = saved(reporter, tmp_path, 10)
    with open_session(store) as session:
        submit(session, store, "evaluate", checkpoint="1")
    reporter.discard(path, 10)
    assert iterations(store) == [10]
    assert path.exists()


def test_a_file_that_cannot_be_deleted_is_an_orphan(store: Settings, tmp_path: Path) -> None:
    reporter = build(store, claimed(store))
    (path,) = saved(reporter, tmp_path, 10)
    path.unlink()
    path.mkdir()  # deleting a folder fails, as deleting a file may
    reporter.discard(path, 10)
    assert iterations(store) == []
    assert path.exists()


def test_the_images_of_an_evaluation_within_a_training_are_not_the_job_s_progress(
    store: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    job = claimed(store)
    reporter = build(store, job)
    reporter.progress(480, 1200, "iteration")
    with caplog.at_level("INFO"):
        for done in range(1, 101):
            reporter.progress(done, 100, VALIDATION_IMAGE)
    reporter.flush()
    assert (now(store, job).done, now(store, job).total, now(store, job).unit) == (480, 1200, "iteration")
    told = [record.getMessage() for record in caplog.records if "images" in record.getMessage()]
    assert told == [f"Evaluated {tenth}0 of 100 images." for tenth in range(1, 11)]


def test_nothing_is_recorded_once_the_job_is_another_s(store: Settings, tmp_path: Path) -> None:
    job = claimed(store, OVER)
    reporter = build(store, job)
    with open_session(store) as session:
        leases.expire(session, store, job.id, job.fence)
        leases.claim(session, job.id, "b", FOREVER)
    path = tmp_path / "checkpoint_0000010.pth"
    path.touch()
    reporter.metrics(1, {"loss": 0.5})
    with pytest.raises(LeaseLostError):
        reporter.progress(5, 10, "iteration")
    with pytest.raises(LeaseLostError):
        reporter.checkpoint(path, 10, is_best=False)
    with pytest.raises(LeaseLostError):
        reporter.discard(path, 10)
    with pytest.raises(LeaseLostError):
        reporter.flush()
    assert path.exists()
    with open_session(store) as session:
        assert jobs.get(session, job.id).done == 0
        assert metrics.list_metrics(session, job.id) == {}
        assert checkpoints.list_checkpoints(session) == []


def test_work_goes_on_while_the_database_is_away_and_nothing_is_forgotten(
    sqlite_store: Settings, tmp_path: Path
) -> None:
    job = claimed(sqlite_store)
    reporter = build(sqlite_store, job)
    path = tmp_path / "checkpoint_0000010.pth"
    path.touch()
    file = Path(sqlite_store.database.removeprefix("sqlite:///"))
    engine_for(sqlite_store.database).dispose()
    away = file.with_name("away")
    away.mkdir()
    for each in file.parent.glob("deeplab.sqlite*"):
        each.rename(away / each.name)
    file.mkdir()  # nobody can open a database there now
    reporter.progress(5, 10, "iteration")
    reporter.metrics(5, {"loss": 0.5})
    reporter.checkpoint(path, 5, is_best=False)
    (old,) = saved(reporter, tmp_path, 3)
    reporter.discard(old, 3)
    assert old.exists()  # as long as its row may be there

    def bring_back() -> None:
        file.rmdir()
        for each in away.iterdir():
            each.rename(file.parent / each.name)

    threading.Timer(1.5, bring_back).start()
    reporter.flush()
    with open_session(sqlite_store) as session:
        assert jobs.get(session, job.id).done == 5
        assert metrics.list_metrics(session, job.id) == {"loss": [[5, 0.5]]}
        assert [each.iteration for each in checkpoints.list_checkpoints(session, job.id)] == [5]
    assert not old.exists()


def test_the_file_is_touched_once_a_second(tmp_path: Path) -> None:
    path = tmp_path / "alive"
    alive = AliveFile(path)
    alive.touch()
    first = path.stat().st_mtime_ns
    alive.touch()
    assert path.stat().st_mtime_ns == first
    time.sleep(1.05)
    alive.touch()
    assert path.stat().st_mtime_ns > first
