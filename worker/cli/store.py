"""Open the job store. Nothing heavy is imported before that, so that `--help` stays instant."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from deeplab.errors import DeepLabError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from worker.jobs.settings import Settings


class NoPlatformError(DeepLabError):
    """The home folder has no database yet."""

    def __init__(self, home: Path) -> None:
        super().__init__(f"There is no platform in {home}. Start one with `deeplab up`, or set DEEPLAB_HOME.")


@contextmanager
def open_store(
    settings: "Settings | None" = None, *, writes: bool = False, create: bool = False
) -> "Iterator[Session]":
    """Open a session that commits at the end of the block.

    Args:
        settings: name the database; None reads them from the environment.
        writes: whether the block changes anything; others then wait for it, so it must be short.
        create: create the embedded database if there is none yet.

    Raises:
        NoPlatformError: if there is no embedded database and `create` is false.
        DatabaseError: if the database cannot be reached.
    """
    from worker.jobs.database import open_session
    from worker.jobs.settings import load_settings

    settings = settings or load_settings()
    if create:
        create_store(settings)
    else:
        require_store(settings)
    with open_session(settings, reads_only=not writes) as session:
        yield session


def require_store(settings: "Settings") -> None:
    """Refuse a home without a database; let this process use the storage of any other. Raises NoPlatformError."""
    from worker.jobs.storage import mount

    if lacks_database(settings):
        raise NoPlatformError(settings.home)
    mount(settings)


def create_store(settings: "Settings") -> None:
    """Create the embedded database if there is none yet, so that the very first command can submit a job.

    Storage at URLs can be used from then on, as behind `require_store`.

    Raises:
        DatabaseError: if it cannot be created.
    """
    from worker.jobs.database import upgrade
    from worker.jobs.storage import mount

    if lacks_database(settings):
        upgrade(settings)
    mount(settings)


def lacks_database(settings: "Settings") -> bool:
    """Whether nobody has created the embedded database yet."""
    return settings.embedded_database is not None and not settings.embedded_database.exists()
