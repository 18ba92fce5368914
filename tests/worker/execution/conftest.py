"""A running job to supervise."""

from pathlib import Path

import pytest

from tests.worker.execution.bench import Bench
from worker.jobs.settings import Settings


@pytest.fixture
def bench(sqlite_store: Settings, tmp_path: Path) -> Bench:
    return Bench(sqlite_store, tmp_path)
