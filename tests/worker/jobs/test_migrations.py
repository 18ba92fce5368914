"""Migrations with rows in the tables, both ways, on both databases."""

from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, inspect, select, text
from sqlalchemy.schema import Table

from tests.conftest import OpenStore
from tests.worker.store import add_checkpoint, submit, submit_and_claim
from worker.jobs import jobs, leases
from worker.jobs.catalog import SUCCEEDED
from worker.jobs.database import DatabaseError, engine_for, open_session, upgrade
from worker.jobs.records import metrics
from worker.jobs.revisions import check_revision, known_revisions
from worker.jobs.settings import Settings, load_settings
from worker.jobs.tables import CheckpointRow, JobRow

NOTHING_YET = {"unit": "", **dict.fromkeys(("fence", "attempts", "done", "total", "publications", "created_at"), 0)}


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """A database of its own, with all tables and no rows."""
    if request.param == "sqlite":
        settings = load_settings(home=tmp_path / "home")
    else:
        open_store: OpenStore = request.getfixturevalue("postgresql")
        server = engine_for(open_store(tmp_path).database).execution_options(isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.exec_driver_sql("DROP DATABASE IF EXISTS migrated WITH (FORCE)")
            connection.exec_driver_sql("CREATE DATABASE migrated")
        url = server.url.set(database="migrated").render_as_string(hide_password=False)
        settings = load_settings(home=tmp_path / "home", database_url=url)
        settings.home.mkdir()
    upgrade(settings)
    yield settings
    engine_for(settings.database).dispose()


def run(settings: Settings, action: Callable[[Config, str], None], revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")))
    with engine_for(settings.database).begin() as connection:
        config.attributes.update(connection=connection, home=settings.home)
        action(config, revision)


def contents(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """All rows, as the database has them."""
    tables = MetaData()
    tables.reflect(connection)
    found = {name: connection.execute(table.select()) for name, table in tables.tables.items()}
    return {name: sorted(map(tuple, rows), key=repr) for name, rows in found.items() if name != "alembic_version"}


def lengths(tables: dict[str, list[tuple[Any, ...]]]) -> dict[str, int]:
    """How many rows there are; counters, which no row can be made of again, begin anew."""
    return {name: len(rows) for name, rows in tables.items() if name != "counter"}


def test_every_step_can_be_taken_back_and_again_with_rows_in_the_tables(fresh: Settings) -> None:
    with open_session(fresh) as session:
        ended = submit_and_claim(session, fresh)
        add_checkpoint(session, fresh, ended)
        leases.finish(session, ended.id, ended.fence, SUCCEEDED, result={"output": str(fresh.home / "jobs/1/output")})
        submit(session, fresh)
    with engine_for(fresh.database).connect() as connection:
        before = contents(connection)
    revisions = known_revisions()
    for revision in (*revisions[1:], "base"):
        run(fresh, command.downgrade, revision)
        if revision == "0001":  # with rows still in it
            for newer in reversed(revisions[:-1]):
                run(fresh, command.upgrade, newer)
            with engine_for(fresh.database).connect() as connection:
                after = contents(connection)
                assert lengths(after) == lengths(before)
                assert (after["checkpoint"], after["shard"]) == (before["checkpoint"], before["shard"])
            run(fresh, command.downgrade, "0001")
    with engine_for(fresh.database).connect() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    upgrade(fresh)
    check_revision(fresh)


def test_a_process_of_the_version_before_goes_on_with_the_tables_of_this_one(fresh: Settings) -> None:
    """A rolling upgrade: first the tables, then one process after the other."""
    run(fresh, command.downgrade, known_revisions()[1])
    with engine_for(fresh.database).connect() as connection:
        job_before = Table("job", MetaData(), autoload_with=connection)
    upgrade(fresh)
    with engine_for(fresh.database).begin() as connection:
        job = {"kind": "train", "state": "queued", "queue": "gpu", "max_attempts": 3, "cancel_requested": False}
        connection.execute(job_before.insert().values(NOTHING_YET | job | {"spec": {}, "config": {}}))
    with open_session(fresh) as session:
        claimed = leases.claim(session, 1, "new", 30)
    assert claimed is not None
    with engine_for(fresh.database).begin() as connection:
        moved = job_before.update().where(job_before.c.id == 1, job_before.c.fence == claimed.fence)
        connection.execute(moved.values(state="succeeded", done=5))
        assert connection.scalar(select(job_before.c.done)) == 5
    with open_session(fresh, reads_only=True) as session:
        assert jobs.get(session, 1).state == SUCCEEDED


def test_tables_of_another_version_are_refused_with_what_to_do(fresh: Settings) -> None:
    run(fresh, command.downgrade, known_revisions()[1])
    with pytest.raises(DatabaseError, match=r"older version .* `deeplab db upgrade`"):
        check_revision(fresh)
    with engine_for(fresh.database).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseError, match=r"newer version .*update this installation"):
        check_revision(fresh)


def test_buckets_of_metrics_are_made_of_values_that_are_there(fresh: Settings) -> None:
    with open_session(fresh) as session:
        job = submit(session, fresh)
        for iteration, value in ((1, 2.0), (254, 0.5), (255, 1.0), (256, 3.0), (900, 4.0), (901, 3.5)):
            metrics.add(session, job.id, iteration, {"loss": value, "resource/memory": 1.0})
    with engine_for(fresh.database).connect() as connection:
        before = contents(connection)["metric_bucket"]
    run(fresh, command.downgrade, "0018")
    upgrade(fresh)
    with engine_for(fresh.database).connect() as connection:
        assert contents(connection)["metric_bucket"] == before
    assert len(before) == 3


def test_paths_under_the_home_become_relative_to_it(fresh: Settings) -> None:
    run(fresh, command.downgrade, "0007")
    home, elsewhere = str(fresh.home), f"{fresh.home}-not"
    job = {"id": 1, "kind": "train", "state": "queued", "queue": "gpu", "max_attempts": 3, "cancel_requested": False}
    paths = {
        "spec": {"checkpoint": f"{home}/c.pth"},
        "config": {"DATASET": {"ROOT": f"{home}/data/a", "SPLITS": [f"{elsewhere}/b"]}},
        "dataset": f"{home}/data/a",
    }
    with engine_for(fresh.database).begin() as connection:
        tables = MetaData()
        tables.reflect(connection, only=("job", "checkpoint"))
        connection.execute(tables.tables["job"].insert().values(NOTHING_YET | job | paths))
        for number, path in ((1, f"{home}/jobs/1/1/c.pth"), (2, f"{elsewhere}/c.pth")):
            file = {"id": number, "job_id": 1, "fence": 1, "iteration": number, "path": path, "sha256": ""}
            connection.execute(tables.tables["checkpoint"].insert().values(file | {"n_bytes": 1, "created_at": 0}))
    upgrade(fresh)
    with engine_for(fresh.database).connect() as connection:
        found = list(connection.scalars(text("SELECT path FROM checkpoint ORDER BY id")))
        assert found == ["home:/jobs/1/1/c.pth", f"{elsewhere}/c.pth"]
        assert connection.scalar(text("SELECT dataset FROM job")) == "home:/data/a"
    moved = fresh.model_copy(update={"home": Path("/new/home"), "database_url": fresh.database})
    with open_session(moved, reads_only=True) as session:
        row = session.get_one(JobRow, 1)
        assert row.spec == {"checkpoint": "/new/home/c.pth"}
        assert row.config == {"DATASET": {"ROOT": "/new/home/data/a", "SPLITS": [f"{elsewhere}/b"]}}
        assert session.scalar(select(CheckpointRow.path).where(CheckpointRow.id == 1)) == "/new/home/jobs/1/1/c.pth"
        assert session.scalar(select(JobRow.id).where(JobRow.dataset == "/new/home/data/a")) == 1
    run(fresh, command.downgrade, "0007")
    with engine_for(fresh.database).connect() as connection:
        assert connection.scalar(text("SELECT path FROM checkpoint WHERE id = 1")) == f"{home}/jobs/1/1/c.pth"
        assert f"{home}/data/a" in str(connection.scalar(text("SELECT CAST(config AS TEXT) FROM job")))
