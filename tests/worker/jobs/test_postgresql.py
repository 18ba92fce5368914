import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, text

from tests.conftest import OpenStore
from worker.jobs.database import DatabaseUnreachableError, db_now, engine_for, open_session
from worker.jobs.settings import Settings


@pytest.fixture
def hasty(postgresql: OpenStore, tmp_path: Path) -> Iterator[Settings]:
    """A store that is given up after two seconds."""
    settings = postgresql(tmp_path).model_copy(update={"database_seconds": 2})
    yield settings
    engine_for(settings.database, 2).dispose()


@contextmanager
def stopped(process: int) -> Iterator[None]:
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def backend(settings: Settings) -> int:
    """The process of the server that serves this process's only connection."""
    with open_session(settings) as session:
        return int(session.scalar(text("SELECT pg_backend_pid()")) or 0)


def postmaster(settings: Settings) -> int:
    with open_session(settings) as session:
        folder = session.scalar(text("SHOW data_directory"))
    return int(Path(str(folder), "postmaster.pid").read_text("utf-8").split()[0])


def test_a_server_that_is_stopped_is_given_up_and_found_again(hasty: Settings) -> None:
    process, server = backend(hasty), postmaster(hasty)
    with stopped(server), stopped(process):
        for _ in range(2):  # an old connection that hangs, and a new one
            with pytest.raises(DatabaseUnreachableError, match="cannot be reached"), open_session(hasty) as session:
                session.execute(select(db_now()))
    with open_session(hasty) as session:
        assert session.scalar(select(db_now()))


def test_a_server_that_stops_within_a_transaction_is_given_up(hasty: Settings) -> None:
    process = backend(hasty)
    with (
        pytest.raises(DatabaseUnreachableError, match="did not answer within"),
        open_session(hasty) as session,
        stopped(process if session.scalar(select(db_now())) else 0),
    ):
        session.execute(select(db_now()))


def test_a_statement_that_takes_too_long_is_ended_by_the_server(hasty: Settings) -> None:
    process = backend(hasty)
    with pytest.raises(DatabaseUnreachableError, match="statement timeout"), open_session(hasty) as session:
        session.execute(text("SELECT pg_sleep(60)"))
    assert backend(hasty) == process  # the connection is as good as before


def test_nothing_is_left_on_a_connection_for_its_next_user(hasty: Settings) -> None:
    with open_session(hasty) as session:
        for number in range(10):
            session.execute(text("SELECT :number"), {"number": number})
    with engine_for(hasty.database, 2).connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.rollback()
        assert driver.execute("SHOW statement_timeout").fetchone() == ("0",)
        assert driver.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
        driver.rollback()
