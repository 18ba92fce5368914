import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deeplab.errors import StorageError as RemoteStorageError
from deeplab.remote_probe import require_writable
from tests.processes import wait_until
from tests.s3 import S3, serve_s3
from worker.jobs.operations.checks import Checks
from worker.jobs.operations.readiness import REMOTE_STORAGE, StorageError, check_readiness, check_storage
from worker.jobs.settings import Settings, load_settings


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with pytest.MonkeyPatch.context() as monkeypatch, serve_s3(monkeypatch) as server:
        yield server


def test_a_home_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written: No such file or directory"):
        check_storage(load_settings(home=tmp_path / "missing"))


def test_a_storage_leaves_nothing_behind(sqlite_store: Settings) -> None:
    before = set(sqlite_store.home.iterdir())
    check_storage(sqlite_store)
    assert set(sqlite_store.home.iterdir()) == before


def test_a_part_that_hangs_is_given_up_and_asked_by_one_thread_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.jobs.operations.checks._LONGEST_SECONDS", 0.2)
    hangs, asked = threading.Event(), list[str]()

    def look() -> None:
        asked.append("disk")
        hangs.wait()

    checks = Checks({"disk": look})
    for _ in range(3):
        (check,) = checks.ask()
        assert str(check.problem).startswith("no answer within")
    assert len(asked) == 1
    hangs.set()
    wait_until(lambda: checks.ask()[0].ok, 10)


def test_the_storage_of_jobs_at_a_url_is_asked_once(
    sqlite_store: Settings, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    def problem(url: str) -> str | None:
        checks = check_readiness(sqlite_store.model_copy(update={"storage_url": url}))
        (found,) = [check.problem for check in checks if check.name == REMOTE_STORAGE]
        return found

    assert problem(f"{s3.url}/not/there/yet") is None
    assert problem("s3://no-such-bucket/jobs") == "s3://no-such-bucket: No such file or directory."
    assert REMOTE_STORAGE not in [check.name for check in check_readiness(sqlite_store)]
    monkeypatch.setattr("worker.jobs.operations.checks._LONGEST_SECONDS", 1)
    s3.go_away()
    try:
        assert "answer" in str(problem(f"{s3.url}/elsewhere"))
    finally:
        s3.come_back()


def test_a_storage_at_a_url_can_be_written(s3: S3, tmp_path: Path) -> None:
    require_writable(f"{s3.url}/probed")
    require_writable(f"file://{tmp_path}/new/folder")
    assert s3.names("probed") == []
    with pytest.raises(RemoteStorageError, match=r"^s3://no-such-bucket/x: cannot be written"):
        require_writable("s3://no-such-bucket/x")
