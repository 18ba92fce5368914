import multiprocessing
import socket
import time
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import JSON, column, insert, inspect, select, table

from tests.conftest import OpenStore
from worker.jobs import shards
from worker.jobs.database import (
    DatabaseError,
    DatabaseUnreachableError,
    db_now,
    engine_for,
    open_session,
    retry_for,
    upgrade,
)
from worker.jobs.records import evaluations
from worker.jobs.settings import Settings, load_settings
from worker.jobs.shards import ShardCounts
from worker.jobs.tables import Base, EvaluationRow, EventRow, JobRow, MetricRow

ZERO = ("fence", "attempts", "max_attempts", "cancel_requested", "done", "total", "unit", "publications", "created_at")
EARLIER_JOB = table(
    "job",
    *(column(name) for name in ("id", "kind", "state", "queue")),
    *(column(name, JSON()) for name in ("spec", "config")),
    *(column(name) for name in ZERO),
)


def test_the_clock_is_in_seconds_since_1970(store: Settings) -> None:
    with open_session(store) as session:
        now = session.scalar(select(db_now()))
        assert now is not None
        assert abs(now - time.time()) < 5


def test_the_schema_is_what_the_tables_say_and_an_upgrade_changes_nothing(store: Settings) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    upgrade(store)
    with engine_for(store.database).connect() as connection:
        assert set(inspect(connection).get_table_names()) == {*Base.metadata.tables, "alembic_version"}
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_an_older_database_is_brought_up_to_date_with_what_is_in_it(
    sqlite: OpenStore, postgresql: OpenStore, tmp_path: Path
) -> None:
    server = engine_for(postgresql(tmp_path).database).execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE older")
    older = server.url.set(database="older").render_as_string(hide_password=False)
    for url in ("", older):
        settings = load_settings(home=tmp_path / "older", database_url=url)
        migrate(settings, "0001")
        with engine_for(settings.database).begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO job (id, kind, state, queue, spec, config, fence, attempts, max_attempts,"
                " cancel_requested, done, total, unit, publications, created_at)"
                " VALUES (7, 'train', 'queued', 'gpu', '{}', '{}', 0, 0, 3, false, 0, 0, '', 0, 0)"
            )
            connection.exec_driver_sql("INSERT INTO event (job_id, fence, at, message) VALUES (7, 0, 0, 'submitted')")
            connection.exec_driver_sql(
                "INSERT INTO shard (job_id, number, first, last, state, fence, manifest, n_ok, n_error)"
                " VALUES (7, 0, 0, 5, 'succeeded', 1, 'a.csv', 4, 1), (7, 1, 5, 8, 'queued', 0, NULL, 0, 0)"
            )
            connection.exec_driver_sql(
                "INSERT INTO evaluation"
                " (id, job_id, checkpoint, dataset, split, settings, mean_iou, scores, created_at)"
                """ VALUES (3, 7, '1', 'a', 'val', '{}', 0.5, '{"mean_iou": 0.5, "confusion": [[3]]}', 0)"""
            )
        with pytest.raises(DatabaseError, match="`deeplab db upgrade`"), open_session(settings) as session:
            session.get(JobRow, 7)

        upgrade(settings)

        with open_session(settings) as session:
            job = session.get_one(JobRow, 7)
            assert (job.kind, job.best_checkpoint) == ("train", None)
            assert session.scalar(select(EventRow.message)) == "submitted"
            assert shards.counts(session, 7) == ShardCounts(2, 1, 4, 1, True, 8, 5, False)
            evaluation = evaluations.find(session, 7)
            assert evaluation is not None
            assert (evaluation.scores, evaluation.policy) == ({"mean_iou": 0.5}, None)
            assert evaluations.find_confusion(session, 7) == [[3]]
        engine_for(settings.database).dispose()


def test_earlier_jobs_get_what_lists_show_of_them(sqlite: OpenStore, postgresql: OpenStore, tmp_path: Path) -> None:
    server = engine_for(postgresql(tmp_path).database).execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE earlier")
    earlier = server.url.set(database="earlier").render_as_string(hide_password=False)
    config = {"MODEL": {"NAME": "DeepLabV3"}, "DATASET": {"NAME": "folder", "ROOT": "/data/street"}}
    requests: dict[int, tuple[str, dict[str, Any]]] = {
        1: ("train", {"dataset": "camvid"}),
        2: ("evaluate", {"checkpoint": "9", "dataset": None}),
        3: ("crf", {"evaluate_job": 2}),
        4: ("train", {"resume": 9, "dataset": None}),
        5: ("segment", {"checkpoint": "/weights.pth"}),
        6: ("evaluate", {"checkpoint": "/weights.pth"}),
    }
    for url in ("", earlier):
        settings = load_settings(home=tmp_path / "earlier", database_url=url)
        migrate(settings, "0004")
        with engine_for(settings.database).begin() as connection:
            for job_id, (kind, spec) in requests.items():
                job = {"id": job_id, "kind": kind, "state": "queued", "queue": "gpu", "spec": spec, "config": config}
                zero = {**dict.fromkeys(ZERO, 0), "cancel_requested": False, "unit": ""}
                connection.execute(insert(EARLIER_JOB).values(job | zero))
            connection.exec_driver_sql(
                "INSERT INTO checkpoint (id, job_id, fence, iteration, path, sha256, n_bytes, created_at)"
                " VALUES (9, 1, 1, 10, '/c.pth', '', 1, 0)"
            )
            connection.exec_driver_sql(
                "INSERT INTO event (job_id, fence, at, message) VALUES (4, 0, 0, 'retry of job 1')"
            )
            connection.exec_driver_sql(
                "INSERT INTO evaluation"
                " (id, job_id, checkpoint, dataset, split, settings, mean_iou, scores, created_at)"
                " VALUES (1, 2, '9', '/data/street', 'val', '{}', 0.5, '{}', 0)"
            )

        upgrade(settings)

        with open_session(settings) as session:
            jobs = [session.get_one(JobRow, job_id) for job_id in requests]
            assert {job.model for job in jobs} == {"DeepLabV3"}
            assert [job.dataset for job in jobs] == ["camvid", "camvid", "camvid", "camvid", None, "/data/street"]
            assert [job.checkpoint for job in jobs] == [None, "9", None, "9", "/weights.pth", "/weights.pth"]
            assert [job.evaluate_job for job in jobs] == [None, None, 2, None, None, None]
            assert [job.is_retry for job in jobs] == [False, False, False, True, False, False]
            assert session.scalar(select(EvaluationRow.dataset)) == "camvid"
        engine_for(settings.database).dispose()


def migrate(settings: Settings, revision: str) -> None:
    """Create the tables as an older version of the platform did."""
    config = Config()
    config.set_main_option("script_location", str(files("migrations")))
    settings.home.mkdir(exist_ok=True)
    with engine_for(settings.database).begin() as connection:
        config.attributes.update(connection=connection, home=settings.home)
        command.upgrade(config, revision)


def test_a_block_commits_or_leaves_no_trace(store: Settings) -> None:
    def add(message: str) -> None:
        session.add(EventRow(job_id=1, fence=0, at=0, message=message))
        session.flush()

    with open_session(store) as session:
        session.add(JobRow(kind="train", state="queued", queue="gpu", spec={}, config={}, max_attempts=1, created_at=0))
        session.flush()
        add("kept")
    with suppress(ZeroDivisionError), open_session(store) as session:
        add("dropped")
        raise ZeroDivisionError
    with open_session(store, reads_only=True) as session:
        assert list(session.scalars(select(EventRow.message))) == ["kept"]


def test_a_forked_process_has_an_engine_of_its_own(sqlite_store: Settings) -> None:
    engine = engine_for(sqlite_store.database)
    assert engine_for(sqlite_store.database) is engine
    with open_session(sqlite_store):
        pass  # now the engine holds a connection, which a fork must not touch

    def use_it(same: "multiprocessing.sharedctypes.Synchronized[bool]") -> None:
        same.value = engine_for(sqlite_store.database) is engine
        with open_session(sqlite_store) as session:
            session.execute(select(db_now()))

    same = multiprocessing.Value("b", True)
    process = multiprocessing.get_context("fork").Process(target=use_it, args=(same,))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert not same.value


def test_a_database_that_cannot_be_reached_is_named_without_its_password(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, database_url="postgresql://me:secret@127.0.0.1:1/x")
    sentence = r"The database postgresql://me:\*\*\*@127.0.0.1:1/x cannot be reached"
    with pytest.raises(DatabaseError, match=sentence), open_session(settings) as session:
        session.execute(select(db_now()))
    with pytest.raises(DatabaseError, match=sentence):
        upgrade(settings)


def test_patience_has_an_end() -> None:
    failures: list[DatabaseError] = [DatabaseUnreachableError("away"), DatabaseUnreachableError("away")]

    def answer() -> str:
        if failures:
            raise failures.pop()
        return "back"

    assert retry_for(answer, 10) == "back"
    failures.append(DatabaseUnreachableError("away"))
    with pytest.raises(DatabaseUnreachableError):
        retry_for(answer, -1)
    failures.append(DatabaseError("refuses"))
    with pytest.raises(DatabaseError, match="refuses"):
        retry_for(answer, 1000)


def test_a_user_who_may_not_create_tables_is_told_so(postgresql: OpenStore, tmp_path: Path) -> None:
    server = engine_for(postgresql(tmp_path).database).execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql("CREATE ROLE guest LOGIN")
        connection.exec_driver_sql("CREATE DATABASE bare")
    url = server.url.set(username="guest", database="bare").render_as_string(hide_password=False)
    with pytest.raises(DatabaseError, match="refuses the tables: permission denied") as caught:
        upgrade(load_settings(home=tmp_path, database_url=url))
    assert not isinstance(caught.value, DatabaseUnreachableError)
    engine_for(url).dispose()


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_hold_every_text_is_refused(
    postgresql: OpenStore, tmp_path: Path, encoding: str
) -> None:
    server = engine_for(postgresql(tmp_path).database).execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(
            f"CREATE DATABASE odd_{encoding} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    url = server.url.set(database=f"odd_{encoding.lower()}").render_as_string(hide_password=False)
    settings = load_settings(home=tmp_path, database_url=url)
    sentence = f"keeps text in {encoding}; expected UTF8"
    with pytest.raises(DatabaseError, match=sentence) as caught:
        upgrade(settings)
    assert not isinstance(caught.value, DatabaseUnreachableError)  # or a start would wait for it
    with pytest.raises(DatabaseError, match=sentence), open_session(settings) as session:
        session.execute(select(db_now()))


def test_a_database_of_another_version_says_what_to_do(
    sqlite: OpenStore, postgresql: OpenStore, tmp_path: Path
) -> None:
    for number, open_store in enumerate((sqlite, postgresql)):
        settings = open_store(tmp_path / str(number))
        with engine_for(settings.database).begin() as connection:
            connection.exec_driver_sql("ALTER TABLE metric RENAME TO kept")
        with pytest.raises(DatabaseError, match="`deeplab db upgrade`"), open_session(settings) as session:
            session.execute(select(MetricRow))
        with engine_for(settings.database).begin() as connection:
            connection.exec_driver_sql("ALTER TABLE kept RENAME TO metric")


def test_a_server_that_does_not_answer_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts connections and never says a word
        url = f"postgresql://127.0.0.1:{silent.getsockname()[1]}/deeplab"
        assert engine_for(url).url.query["connect_timeout"] == "10"
        settings = load_settings(database_url=f"{url}?connect_timeout=2")
        with pytest.raises(DatabaseError, match=r"cannot be reached: .*timeout"), open_session(settings) as session:
            session.execute(select(db_now()))
