"""Which revision of the tables a database has, and which one this version of the platform was written for."""

from functools import cache
from importlib.resources import as_file, files

from sqlalchemy import text
from sqlalchemy.orm import Session

from worker.jobs.database import DatabaseError, open_session
from worker.jobs.settings import Settings


class RevisionError(DatabaseError):
    """The database has the tables of another version."""


def check_revision(settings: Settings) -> None:
    """Check that a database has the tables of this version: a process that starts without them would fail later.

    Raises:
        RevisionError: if it has those of an older or a newer one.
        SchemaMissingError: if it has none.
        DatabaseUnreachableError: if it cannot be reached.
    """
    with open_session(settings, reads_only=True) as session:
        found = read_revision(session)
    if found in known_revisions() and found != newest_revision():
        raise RevisionError(
            f"The database has the tables of an older version (revision {found}; this version has"
            f" {newest_revision()}); `deeplab db upgrade` brings them up to date, as does `deeplab up`."
        )
    if found != newest_revision():
        raise RevisionError(
            f"The database has the tables of a newer version (revision {found}; this version knows"
            f" {newest_revision()}); update this installation, or restore a backup by `deeplab restore`."
        )


def read_revision(session: Session) -> str:
    """Read the revision of a database's tables."""
    return str(session.scalar(text("SELECT version_num FROM alembic_version")))


def newest_revision() -> str:
    """The revision that this version of the platform was written for."""
    return known_revisions()[0]


@cache
def known_revisions() -> tuple[str, ...]:
    """All revisions that this version knows, the newest first."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    with as_file(files("migrations")) as directory:
        config = Config()
        config.set_main_option("script_location", str(directory))
        return tuple(script.revision for script in ScriptDirectory.from_config(config).walk_revisions())
