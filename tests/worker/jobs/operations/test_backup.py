import shutil
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from tests.conftest import OpenStore
from tests.worker.store import add_checkpoint, submit, submit_and_claim
from worker.jobs import jobs, storage
from worker.jobs.catalog import QUEUED, RUNNING
from worker.jobs.database import engine_for, open_session
from worker.jobs.operations.backup import BackupError, back_up, restore
from worker.jobs.records import checkpoints
from worker.jobs.settings import Settings, load_settings
from worker.jobs.tables import UserRow


@pytest.fixture(params=["sqlite", "postgresql"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Settings]]:
    """A platform with a job in it, and an empty one elsewhere."""
    open_store: OpenStore = request.getfixturevalue(request.param)
    old, url = open_store(tmp_path / "old"), ""
    old.home.mkdir(parents=True, exist_ok=True)
    if request.param == "postgresql":
        request.getfixturevalue("postgresql_programs")
        server = engine_for(old.database).execution_options(isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.exec_driver_sql("DROP DATABASE IF EXISTS restored WITH (FORCE)")
            connection.exec_driver_sql("CREATE DATABASE restored")
        url = server.url.set(database="restored").render_as_string(hide_password=False)
    new = load_settings(home=tmp_path / "elsewhere" / "new", database_url=url)
    yield [old, new]
    engine_for(new.database, new.database_seconds).dispose()


def test_a_backup_that_is_restored_elsewhere_works_there(pair: list[Settings], tmp_path: Path) -> None:
    old, new = pair
    with open_session(old) as session:
        job = submit_and_claim(session, old)
        queued = submit(session, old)
    folder = storage.attempt_dir(old, job.id, job.fence)
    folder.mkdir(parents=True)
    with open_session(old) as session:
        number = add_checkpoint(session, old.model_copy(update={"home": folder}), job)
    (old.home / "secret_key").write_text("s" * 40)
    assert back_up(old, tmp_path / "b.tar", files=True).has_files
    assert stat.S_IMODE((tmp_path / "b.tar").stat().st_mode) == 0o600
    with tarfile.open(tmp_path / "b.tar") as archive:
        assert not [name for name in archive.getnames() if "secret" in name]
    shutil.rmtree(old.home)

    restore(new, tmp_path / "b.tar")

    with open_session(new, reads_only=True) as session:
        assert {each: jobs.get(session, each).state for each in (job.id, queued.id)} == {
            job.id: RUNNING,
            queued.id: QUEUED,
        }
        path = checkpoints.get(session, number).path
    assert path.is_relative_to(new.home)
    assert path.read_bytes() == b"weights 10"


def test_nothing_is_restored_over_what_is_there(pair: list[Settings], tmp_path: Path) -> None:
    old, _ = pair
    back_up(old, tmp_path / "b.tar", files=False)
    with pytest.raises(BackupError, match="The database is not empty"):
        restore(old, tmp_path / "b.tar")
    with open_session(old) as session:
        session.add(UserRow(name="kept", role="admin", created_at=0))
    with open_session(old, reads_only=True) as session:
        assert session.scalar(select(UserRow.name)) == "kept"


def test_a_backup_is_taken_while_somebody_writes(sqlite_store: Settings, tmp_path: Path) -> None:
    with open_session(sqlite_store) as session:
        session.add(UserRow(name="before", role="admin", created_at=0))
    with open_session(sqlite_store) as session:
        session.add(UserRow(name="not yet", role="admin", created_at=0))
        session.flush()
        back_up(sqlite_store, tmp_path / "b.tar", files=False)
    new = load_settings(home=tmp_path / "new")
    restore(new, tmp_path / "b.tar")
    with open_session(new, reads_only=True) as session:
        assert list(session.scalars(select(UserRow.name))) == ["before"]


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_what_is_no_backup_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.tar").write_bytes(content)
    with pytest.raises(BackupError, match=r"b\.tar: "):
        restore(load_settings(home=tmp_path / "new"), tmp_path / "b.tar")
    assert not (tmp_path / "new" / "deeplab.sqlite").exists()


def test_a_backup_of_a_newer_version_is_refused(sqlite_store: Settings, tmp_path: Path) -> None:
    with open_session(sqlite_store) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    back_up(sqlite_store, tmp_path / "b.tar", files=False)
    with pytest.raises(BackupError, match="newer version"):
        restore(load_settings(home=tmp_path / "new"), tmp_path / "b.tar")


def test_without_the_programs_of_postgresql_it_says_what_to_install(
    postgresql: OpenStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = postgresql(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match="pg_dump is not on the PATH; install"):
        back_up(settings, tmp_path / "b.tar", files=False)
    assert not (tmp_path / "b.tar").exists()


def test_files_that_lie_elsewhere_are_not_left_out_in_silence(sqlite_store: Settings, tmp_path: Path) -> None:
    settings = sqlite_store.model_copy(update={"storage_url": "s3://bucket/deeplab"})
    with pytest.raises(BackupError, match=r"lie at s3://bucket/deeplab, .* without --files"):
        back_up(settings, tmp_path / "b.tar", files=True)
    assert not (tmp_path / "b.tar").exists()
    assert not back_up(settings, tmp_path / "b.tar", files=False).has_files
