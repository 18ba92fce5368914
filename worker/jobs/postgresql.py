"""Connections to PostgreSQL that give up in time, and that leave nothing behind in a pooler.

A server that is stopped or cut off sends no error: the kernel of its machine goes on to acknowledge what it is sent.
So the client looks at the clock itself. Beside it, the server's own limit ends what nobody waits for any more. It is
set by SET LOCAL, for a limit of the session would reach other clients of a pooler that hands out its connections by
transaction. Prepared statements would get lost there, so there are none.
"""

import math
import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event

_T = TypeVar("_T")

_MOST_CONNECTIONS = 20  # of a process; its 16 threads of the web server, and then some
_LONGEST_CONNECT = 10  # seconds
_HEAD_START = 0.5  # seconds by which the server's limit comes before the client's, which has to drop the connection


class PatientConnection(psycopg.Connection[Any]):
    """A connection that is dropped when the server has not answered for `patience` seconds."""

    patience = math.inf

    def wait(self, gen: Generator[Any, Any, _T], *args: Any, **options: Any) -> _T:
        """Wait for an answer, as psycopg has it, but not for ever.

        Raises:
            psycopg.OperationalError: if there was none in time.
        """
        return super().wait(self._bounded(gen), *args, **options)

    def _bounded(self, gen: Generator[Any, Any, _T]) -> Generator[Any, Any, _T]:
        """Pass on what a generator waits for, until the time is up."""
        deadline = time.monotonic() + self.patience
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > deadline:
                    self.close()
                    raise psycopg.OperationalError(f"it did not answer within {self.patience:g} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def build_engine(url: URL, seconds: float) -> Engine:
    """Build an engine that waits so many seconds for a connection, for a lock and for a statement.

    A `connect_timeout` in the URL holds in place of ours.
    """
    # To find out that a pooled connection is dead, and then for a new one: both within the time.
    patience = min(seconds / 2, _LONGEST_CONNECT)
    if "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(math.ceil(patience))})
    engine = create_engine(
        url,
        pool_pre_ping=True,
        pool_timeout=seconds,
        max_overflow=_MOST_CONNECTIONS - 5,
        connect_args={"prepare_threshold": None},
    )

    def connect(_dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]) -> PatientConnection:
        connection = PatientConnection.connect(*arguments, **options)
        connection.patience = patience
        return connection

    def begin(connection: Connection) -> None:
        _driver_connection(connection).patience = seconds + _HEAD_START
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {math.ceil(seconds * 1000)}")

    def give_back(connection: PatientConnection | None, _record: object) -> None:
        if connection is not None:  # else it was dropped
            connection.patience = patience

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "begin", begin)
    event.listen(engine, "checkin", give_back)
    return engine


def _driver_connection(connection: Connection) -> PatientConnection:
    found = connection.connection.driver_connection
    if not isinstance(found, PatientConnection):
        raise TypeError(f"{type(found).__name__} is no connection of this module")
    return found
