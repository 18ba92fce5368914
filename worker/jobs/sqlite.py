"""Connections to SQLite, whose writers take turns."""

import random
import sqlite3
import time
from functools import partial
from typing import cast

from sqlalchemy import URL, Connection, Engine, create_engine, event

_MORE_CONNECTIONS = 15  # of a process, beside the five that it keeps: one for each thread of the web server
_POLL_SECONDS = 0.001, 0.006  # between two looks: at random, so that all who wait have the same chance


def build_engine(url: URL, seconds: float) -> Engine:
    """Build an engine that waits so many seconds for a connection, and for the lock of whoever writes."""
    engine = create_engine(url, pool_pre_ping=True, pool_timeout=seconds, max_overflow=_MORE_CONNECTIONS)
    event.listen(engine, "connect", partial(_configure, seconds))
    event.listen(engine, "begin", partial(_begin, seconds))
    return engine


def _configure(seconds: float, connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not open transactions of its own; _begin does
    for pragma in (_busy_timeout(seconds), "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _busy_timeout(seconds: float) -> str:
    return f"busy_timeout={round(seconds * 1000)}"


def _begin(seconds: float, connection: Connection) -> None:
    if connection.get_execution_options().get("reads_only", False):
        connection.exec_driver_sql("BEGIN")
        return
    # SQLite itself waits longer from look to look, so that of many writers the latest comes are always first.
    driver = cast(sqlite3.Connection, connection.connection.dbapi_connection)
    driver.execute(f"PRAGMA {_busy_timeout(0)}")
    try:
        _wait_for_turn(driver, seconds)
        if not driver.in_transaction:  # raises the reason, as SQLAlchemy has it
            connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        driver.execute(f"PRAGMA {_busy_timeout(seconds)}")


def _wait_for_turn(driver: sqlite3.Connection, seconds: float) -> None:
    """Begin a transaction that writes as soon as no other one does; leave it if that takes too long."""
    # IMMEDIATE takes the write lock at once, so two writers queue for it instead of failing in the middle.
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                return
            time.sleep(random.uniform(*_POLL_SECONDS))  # noqa: S311  (no secret)
        else:
            return
