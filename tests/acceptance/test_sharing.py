"""Segment jobs that several workers share, and what is left of a worker that dies in the middle."""

from pathlib import Path

import pytest

from deeplab.inference.manifest import read_manifest
from tests.acceptance.platform import Platform
from tests.processes import wait_until
from worker.jobs import catalog, shards, storage
from worker.jobs.database import open_session
from worker.jobs.jobs import Job

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]


@pytest.fixture
def request_fields(sample: Path, weights: Path, images: Path) -> dict[str, str]:
    """A segment job of 150 images at one image per forward pass, slow enough to be disturbed."""
    return {
        "checkpoint": str(weights),
        "config": str(sample / "config.yaml"),
        "input": str(images),
        "overrides": "IMAGE.SIZE.TEST=256",
        "batch_size": "1",
    }


def masks(platform: Platform, job: Job) -> dict[Path, int]:
    """The masks that are there, and when they were written."""
    folder = storage.output_dir(platform.settings, job.id) / "masks"
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")}


def check_output(platform: Platform, job: Job) -> None:
    """Every image has one row, and every good one its mask."""
    assert job.state == catalog.SUCCEEDED, job.error
    assert job.result is not None
    assert (job.result["n_ok"], job.result["n_error"]) == (149, 1)
    assert (job.done, job.total, job.unit) == (150, 150, "image")
    output = Path(job.result["output"])
    rows = read_manifest(output / "manifest.csv")
    names = [f"day {number % 3}/{number:03d}.png" for number in range(150)]
    assert [row.path for row in rows] == sorted(names)
    [bad] = [row for row in rows if row.status == "error"]
    assert bad.path == "day 1/100.png"
    assert "cannot be read" in bad.error
    assert set(masks(platform, job)) == {output / "masks" / f"{row.path}.png" for row in rows if row is not bad}


def test_a_job_whose_child_is_killed_skips_what_is_done(platform: Platform, request_fields: dict[str, str]) -> None:
    platform.start_worker("gpu")
    job = platform.submit("segment", **request_fields)
    wait_until(lambda: len(masks(platform, job)) > 70, 60)  # the second shard is begun
    platform.child(job).kill()
    platform.wait(job, lambda job: job.fence == 2 or job.state == catalog.QUEUED)
    early = masks(platform, job)
    assert len(early) < 149
    job = platform.wait(job)
    check_output(platform, job)
    assert platform.attempts(job) == ["crashed", "succeeded"]
    late = masks(platform, job)
    again = [path for path, written_at in early.items() if late[path] != written_at]
    assert len(again) <= 4  # those whose rows were not written yet


def test_workers_share_a_job_and_outlive_one_another(platform: Platform, request_fields: dict[str, str]) -> None:
    for name in ("first@test", "second@test"):
        platform.start_worker("gpu", name=name)
    platform.wait_for_workers(2)
    job = platform.submit("segment", **request_fields)

    def others_at_work(owner: str) -> bool:
        with open_session(platform.settings, reads_only=True) as session:
            return shards.others_at_work(session, job.id, owner)

    wait_until(lambda: others_at_work("nobody"), 60)
    platform.child(job).suspend()  # or it would be done before the other worker has started
    owner = str(platform.job(job.id).owner)
    wait_until(lambda: others_at_work(owner), 60)
    platform.kill_worker(platform.worker_of(job))
    job = platform.wait(job)
    check_output(platform, job)
    assert platform.attempts(job) == ["lost", "succeeded"]
    assert str(job.owner) != owner
