"""What attempts of other machines left on a real server that speaks S3."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deeplab.files import write_text
from deeplab.mirrors import Mirrors, mount
from tests.s3 import S3, serve_s3
from tests.worker.jobs.cleaning.test_leftovers import make_old
from tests.worker.store import FOREVER, submit_and_claim
from worker.jobs import catalog, leases, storage
from worker.jobs.cleaning.deletion import delete_job
from worker.jobs.cleaning.leftovers import find_leftovers, find_own_leftovers, remove
from worker.jobs.database import open_session
from worker.jobs.records import checkpoints, deleted_jobs
from worker.jobs.settings import Settings


@pytest.fixture(scope="module")
def server() -> Iterator[S3]:
    with pytest.MonkeyPatch.context() as monkeypatch, serve_s3(monkeypatch) as s3:
        yield s3


@pytest.fixture
def remote_store(sqlite_store: Settings, server: S3, tmp_path: Path) -> Iterator[Settings]:
    settings = sqlite_store.model_copy(update={"storage_url": f"{server.url}/{tmp_path.name}", "storage_seconds": 1})
    storage.mount(settings)
    yield settings
    mount(Mirrors())


def names(server: S3, settings: Settings) -> list[str]:
    """What lies on the storage, below the folder of all jobs."""
    prefix = f"{settings.storage_url.removeprefix(server.url).strip('/')}/jobs/"
    return [each.removeprefix(prefix) for each in server.names(prefix)]


def put(server: S3, settings: Settings, *paths: str) -> None:
    for path in paths:
        server.put(f"{settings.storage_url.removeprefix(server.url).strip('/')}/jobs/{path}", b"12345")


def test_the_next_attempt_deletes_what_one_on_another_machine_left(remote_store: Settings, server: S3) -> None:
    with open_session(remote_store) as session:
        job = submit_and_claim(session, remote_store)
        folder = storage.attempt_dir(remote_store, job.id, 1)
        checkpoints.add(session, job.id, 1, 10, write(folder / "checkpoint_0000010.pth"), "0" * 64)
        leases.release(session, remote_store, job.id, 1, "crashed")
        again = leases.claim(session, job.id, "b", FOREVER)
    assert again is not None
    put(server, remote_store, f"{job.id}/1/checkpoint_0000020.pth", f"{job.id}/1/log.txt")
    found = find_own_leftovers(remote_store, again)
    assert [(each.path.name, each.n_bytes) for each in found] == [("checkpoint_0000020.pth", 5)]
    assert remove(remote_store, found) == 5
    assert names(server, remote_store) == [f"{job.id}/1/checkpoint_0000010.pth", f"{job.id}/1/log.txt"]


def write(path: Path) -> Path:
    write_text(path, "a checkpoint")
    return path


def test_a_clean_up_deletes_results_and_lists_that_nobody_refers_to(remote_store: Settings, server: S3) -> None:
    with open_session(remote_store) as session:
        job = submit_and_claim(session, remote_store)
        leases.finish(session, job.id, 1, catalog.FAILED, error="Because.")
    make_old(remote_store, job)
    put(server, remote_store, *(f"{job.id}/1/{name}" for name in ("log.txt", "results/part-1/a", "results/part-1/b")))
    (found,) = find_leftovers(remote_store)
    assert (found.path.name, found.n_bytes, found.path.exists()) == ("part-1", 10, False)
    assert remove(remote_store, [found]) == 10
    assert names(server, remote_store) == [f"{job.id}/1/log.txt"]


def test_a_deletion_that_the_storage_missed_is_made_up_for(remote_store: Settings, server: S3) -> None:
    with open_session(remote_store) as session:
        job = submit_and_claim(session, remote_store)
        leases.finish(session, job.id, 1, catalog.FAILED, error="Because.")
    put(server, remote_store, f"{job.id}/1/log.txt")
    server.go_away()
    try:
        delete_job(remote_store, job.id)
    finally:
        server.come_back()
    put(server, remote_store, f"{job.id}/1/log.txt")
    (found,) = find_leftovers(remote_store)
    assert (found.job_id, found.n_bytes, found.why) == (job.id, 5, "files of a deleted job")
    remove(remote_store, [found])
    assert names(server, remote_store) == []
    with open_session(remote_store, reads_only=True) as session:
        assert deleted_jobs.list_unfinished(session) == {}
