"""The connection to the database, its clock, and the upgrade of its tables."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Engine, Float, event, func, make_url, select
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as ConnectionsInUseError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from deeplab.errors import DeepLabError
from worker.jobs import postgresql, sqlite
from worker.jobs.places import places_are
from worker.jobs.settings import Settings
from worker.jobs.urls import without_password

if TYPE_CHECKING:
    import psycopg

_T = TypeVar("_T")

_log = logging.getLogger(__name__)
_MIGRATION_SECONDS = 3600  # for a statement that rewrites all rows of a table


class DatabaseError(DeepLabError):
    """The database cannot be reached or its URL cannot be used."""


class DatabaseUnreachableError(DatabaseError):
    """The database does not answer; it may be back soon."""

    def __init__(self, message: str) -> None:
        super().__init__(message, discreet="The database cannot be reached; the server's log says more.")


class ValueRefusedError(DeepLabError):
    """A value that the database cannot hold, such as a number that is too large for its column."""


class SchemaMissingError(DatabaseError):
    """The database has no tables yet."""

    def __init__(self, shown_url: str) -> None:
        super().__init__(
            f"The database {shown_url} has no tables yet; `deeplab db upgrade` creates them, as does `deeplab up`.",
            discreet="The database has no tables yet; `deeplab db upgrade` creates them, as does `deeplab up`.",
        )


class SchemaOutdatedError(DatabaseError):
    """The database has the tables of an older version."""

    def __init__(self, shown_url: str) -> None:
        super().__init__(
            f"The database {shown_url} has the tables of an older version; `deeplab db upgrade` brings them up to date,"
            " as does `deeplab up`.",
            discreet="The database has the tables of an older version; `deeplab db upgrade` brings them up to date, as"
            " does `deeplab up`.",
        )


class EncodingError(DatabaseError):
    """The database keeps text in another encoding than UTF-8, or in none (SQL_ASCII)."""

    def __init__(self, encoding: str) -> None:
        super().__init__(
            f"The database keeps text in {encoding}; expected UTF8. Create it anew: "
            "createdb --encoding UTF8 --template template0 NAME."
        )


class db_now(GenericFunction[float]):  # noqa: N801  (a SQL function, named as in SQL)
    """The database's clock in seconds since 1970, which is asked because the machines' clocks may differ."""

    type = Float()
    inherit_cache = True


@compiles(db_now, "sqlite")
def _sqlite_now(element: db_now, compiler: SQLCompiler, **kwargs: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(db_now, "postgresql")
def _postgresql_now(element: db_now, compiler: SQLCompiler, **kwargs: object) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


def engine_for(url: str, seconds: float = 30) -> Engine:
    """Return this process's engine for a database URL.

    A forked process gets an engine of its own, and neither uses nor closes its parent's.

    Args:
        url: of the database.
        seconds: to wait for a connection, for a lock and for a statement.
    """
    return _engine(url, seconds, os.getpid())


@cache
def _engine(url: str, seconds: float, _pid: int) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":  # psycopg 3 is what the project installs
        engine = postgresql.build_engine(parsed.set(drivername="postgresql+psycopg"), seconds)
        # Before SQLAlchemy's own questions, which fail on text without an encoding.
        event.listen(engine, "connect", _check_encoding, insert=True)
        return engine
    return sqlite.build_engine(parsed, seconds)


def _check_encoding(connection: "psycopg.Connection", _record: object) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding is not None and encoding != "UTF8":
        connection.close()
        raise EncodingError(encoding)


def take_turns(session: Session, name: str) -> None:
    """Wait until no other transaction is open that has taken turns by this name."""
    if session.get_bind().dialect.name == "postgresql":  # writers of SQLite take turns anyway
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"deeplab {name}"))))


@contextmanager
def open_session(settings: Settings, *, reads_only: bool = False) -> Iterator[Session]:
    """Open a session that commits at the end of the block, and rolls back when the block raises.

    Args:
        settings: name the database.
        reads_only: a promise not to write; readers of SQLite then never wait for a writer.

    Raises:
        DatabaseUnreachableError: if the database cannot be reached.
        EncodingError: if it keeps text in another encoding than UTF-8.
        SchemaMissingError: if it has no tables yet.
        SchemaOutdatedError: if it has those of an older version.
        ValueRefusedError: if it cannot hold a value.
    """
    engine = engine_for(settings.database, settings.database_seconds).execution_options(reads_only=reads_only)
    with places_are(settings.places), Session(engine, expire_on_commit=False) as session:
        try:
            yield session
            session.commit()
        except ConnectionsInUseError as error:
            raise DatabaseUnreachableError(
                f"All connections of this process to the database {_shown(settings)} are in use."
            ) from error
        except DBAPIError as error:
            session.rollback()
            if isinstance(error, DataError):
                raise ValueRefusedError(f"The database cannot hold a value: {_reason(error)}.") from error
            if _lacks_table(error):
                raise SchemaMissingError(_shown(settings)) from error
            if _lacks_column(error):
                raise SchemaOutdatedError(_shown(settings)) from error
            if _is_unreachable(error):
                raise _unreachable(settings, error) from error
            raise


def read_clock(session: Session) -> float:
    """Read the database's clock, for comparison with the times in the tables."""
    return float(session.scalar(select(db_now())) or 0.0)


def retry_for(action: Callable[[], _T], seconds: float) -> _T:
    """Call something that uses the database; while it cannot be reached, call again, for at most so many seconds.

    Raises:
        DatabaseUnreachableError: if it could not be reached all that time.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return action()
        except DatabaseUnreachableError as error:
            if time.monotonic() > deadline:
                raise
            _log.warning("Trying again: %s", error)
            time.sleep(1)


def upgrade(settings: Settings) -> None:
    """Create the tables, or upgrade them to the newest version.

    Raises:
        DatabaseUnreachableError: if the database cannot be reached.
        DatabaseError: if it refuses, for example because the user may not create tables.
    """
    from alembic import command
    from alembic.config import Config

    engine = engine_for(settings.database, _MIGRATION_SECONDS)
    if engine.dialect.name == "sqlite":
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (file := settings.embedded_database) is not None:
        file.touch(mode=0o600)  # SQLite gives its files beside it the same permissions
    with as_file(files("migrations")) as directory:
        config = Config()
        config.set_main_option("script_location", str(directory))
        try:
            with engine.begin() as connection:
                config.attributes.update(connection=connection, home=settings.home)
                command.upgrade(config, "head")
        except DBAPIError as error:
            if _is_unreachable(error):
                raise _unreachable(settings, error) from error
            raise DatabaseError(f"The database {_shown(settings)} refuses the tables: {_reason(error)}.") from error
        finally:
            engine.dispose()


def _unreachable(settings: Settings, error: DBAPIError) -> DatabaseUnreachableError:
    return DatabaseUnreachableError(f"The database {_shown(settings)} cannot be reached: {_reason(error)}.")


def _reason(error: DBAPIError) -> str:
    """What the driver says, which is often several lines, as one."""
    return " ".join(str(error.orig).split()).rstrip(".")


def _is_unreachable(error: DBAPIError) -> bool:
    """Whether the driver tells of an outage: no connection, no answer in time, a server that is shutting down ..."""
    return error.connection_invalidated or isinstance(error, OperationalError)


def _lacks_table(error: DBAPIError) -> bool:
    return str(error.orig).startswith("no such table") or type(error.orig).__name__ == "UndefinedTable"


def _lacks_column(error: DBAPIError) -> bool:
    return str(error.orig).startswith("no such column") or type(error.orig).__name__ == "UndefinedColumn"


def _shown(settings: Settings) -> str:
    """The database's URL without its password."""
    return without_password(make_url(settings.database).render_as_string(hide_password=True))
