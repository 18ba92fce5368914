"""A running job to supervise."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.execution.bench import Bench
from worker.jobs.settings import Settings


@pytest.fixture
def bench(sqlite_store: Settings, tmp_path: Path) -> Iterator[Bench]:
    """Its child is forked, as is usual on Linux."""
    bench = Bench(sqlite_store, tmp_path)
    yield bench
    bench.starter.stop()


@pytest.fixture
def bench_without_forks(sqlite_store: Settings, tmp_path: Path) -> Bench:
    """Its child is a fresh interpreter."""
    return Bench(sqlite_store, tmp_path, forks=False)
