import threading
from pathlib import Path

import pytest

from worker.jobs.operations.readiness import StorageError, check_readiness, check_storage
from worker.jobs.settings import Settings, load_settings


def test_a_home_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written: No such file or directory"):
        check_storage(load_settings(home=tmp_path / "missing"))


def test_a_storage_leaves_nothing_behind(sqlite_store: Settings) -> None:
    before = set(sqlite_store.home.iterdir())
    check_storage(sqlite_store)
    assert set(sqlite_store.home.iterdir()) == before


def test_a_part_that_hangs_is_given_up(sqlite_store: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = threading.Event()
    monkeypatch.setattr("worker.jobs.operations.readiness._PARTS", {"storage": lambda _settings: hangs.wait()})
    monkeypatch.setattr("worker.jobs.operations.readiness._LONGEST_SECONDS", 0.2)
    (check,) = check_readiness(sqlite_store)
    hangs.set()
    assert not check.ok
    assert check.problem is not None
    assert check.problem.startswith("no answer within")
