"""Commands of a platform whose files, or whose jobs' inputs, lie on S3."""

from collections.abc import Iterator

import pytest

from deeplab.mirrors import Mirrors, mount
from tests.configs import write_weights
from tests.s3 import S3, serve_s3
from tests.worker.cli.conftest import Deeplab, Files
from worker.jobs import storage
from worker.jobs.database import open_session
from worker.jobs.records import deleted_jobs
from worker.jobs.settings import Settings


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    mount(Mirrors())  # as in a process of its own
    with serve_s3(monkeypatch) as s3:
        yield s3
    mount(Mirrors())


def test_a_job_is_submitted_for_images_at_a_url(deeplab: Deeplab, home: Settings, files: Files, s3: S3) -> None:
    s3.put("images/a.png", b"no matter what")
    options = ("--config", files.config, "--checkpoint", write_weights(files.config), "--input", f"{s3.url}/images")
    ended = deeplab("job", "submit", "segment", *options)
    assert (ended.exit_code, ended.stdout.startswith("Job 1 is queued.")) == (0, True), ended.output


def test_what_storage_holds_of_deleted_jobs_is_deleted(
    deeplab: Deeplab, home: Settings, monkeypatch: pytest.MonkeyPatch, s3: S3
) -> None:
    monkeypatch.setenv("DEEPLAB_STORAGE_URL", f"{s3.url}/platform")
    s3.put("platform/jobs/7/1/log.txt", b"said")
    storage.attempt_dir(home, 7, 1).mkdir(parents=True)
    with open_session(home) as session:
        deleted_jobs.add(session, 7, storage.job_dir(home, 7), None)
    assert deeplab("gc", "--yes").exit_code == 0
    assert s3.names("platform/") == []
