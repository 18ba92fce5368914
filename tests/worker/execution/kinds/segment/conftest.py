from pathlib import Path

import pytest

from tests.worker.execution.kinds.store import Attempts
from worker.jobs.settings import Settings


@pytest.fixture
def attempts(sqlite_store: Settings, tmp_path: Path) -> Attempts:
    return Attempts(sqlite_store.model_copy(update={"shard_images": 2}), tmp_path)
