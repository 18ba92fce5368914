import threading
from pathlib import Path

import pytest

from tests.configs import write_config
from tests.deeplab.drawing import draw_folder
from worker.jobs import catalog, jobs, leases, submission
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import Spec, parse_spec
from worker.jobs.settings import Settings


def request_into(store: Settings, output: Path) -> Spec:
    """The request of a segment job with a weights file."""
    images = draw_folder(store.home / "sample", n_images=2) / "images"
    weights = store.home / "weights.safetensors"
    weights.write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    config = str(write_config(store.home))
    request = {"checkpoint": str(weights), "config": config, "input": str(images), "output": str(output)}
    return parse_spec("segment", request)


def segment_into(store: Settings, output: Path) -> Job:
    return submission.submit(store, request_into(store, output))


def end(store: Settings, job: Job) -> None:
    with open_session(store) as session:
        claimed = leases.claim(session, job.id, "a", 100)
        assert claimed is not None
        leases.finish(session, job.id, claimed.fence, catalog.FAILED, error="Because.")


@pytest.mark.parametrize("second", ["out", "out/", "out/inner", ".", "link", "link/inner", "missing/../out"])
def test_a_folder_belongs_to_one_job_until_that_has_ended(store: Settings, tmp_path: Path, second: str) -> None:
    folder = tmp_path / "folder"
    (folder / "out").mkdir(parents=True)
    (folder / "link").symlink_to("out")
    if second == ".":  # else it holds something
        (folder / "link").unlink()
        (folder / "out").rmdir()
    owner = segment_into(store, folder / "out")
    with pytest.raises(SpecError, match=rf"output: .* belongs to job {owner.id} \(queued\)"):
        segment_into(store, folder / second)
    end(store, owner)
    assert segment_into(store, folder / second).id > owner.id


@pytest.mark.parametrize("second", ["data/out", "data/out/inner", "data/out/../out"])
def test_folders_in_the_home_too(store: Settings, second: str) -> None:
    (store.home / "data" / "out").mkdir(parents=True)
    segment_into(store, store.home / "data" / "out")
    with pytest.raises(SpecError, match="belongs to job"):
        segment_into(store, store.home / second)


@pytest.mark.parametrize("second", ["out-2", "ou", "%", "OUT"])
def test_other_folders_are_free(store: Settings, tmp_path: Path, second: str) -> None:
    segment_into(store, tmp_path / "out")
    segment_into(store, tmp_path / second)


def test_of_two_submissions_at_once_one_is_refused(store: Settings, tmp_path: Path) -> None:
    refused: list[str] = []
    requests = [request_into(store, tmp_path / name) for name in ("out", "out/inner")]
    together = threading.Barrier(2)

    def submit(request: Spec) -> None:
        together.wait()
        try:
            submission.submit(store, request)
        except SpecError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=submit, args=[request]) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1


def test_a_refused_submission_leaves_no_job(store: Settings, tmp_path: Path) -> None:
    owner = segment_into(store, tmp_path / "out")
    with pytest.raises(SpecError):
        segment_into(store, tmp_path / "out")
    with open_session(store, reads_only=True) as session, pytest.raises(jobs.JobNotFoundError):
        jobs.get(session, owner.id + 1)


def test_the_jobs_own_folders_are_not_to_be_had(sqlite_store: Settings) -> None:
    with pytest.raises(SpecError, match="is among the jobs' own folders"):
        segment_into(sqlite_store, sqlite_store.home / "jobs/7/output")
