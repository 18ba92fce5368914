"""Whether a platform is ready: its database, the revision of its tables, its broker and its storage."""

from collections.abc import Callable
from functools import cache, partial
from uuid import uuid4

from sqlalchemy import select

from deeplab.errors import DeepLabError
from deeplab.remote_probe import require_answer
from worker.jobs.broker.ping import ping
from worker.jobs.database import db_now, open_session
from worker.jobs.operations.checks import Check, Checks
from worker.jobs.revisions import check_revision
from worker.jobs.settings import Settings

REMOTE_STORAGE = "remote storage"  # the part of that name


class StorageError(DeepLabError):
    """The home folder cannot be written, or not in time."""


def check_readiness(settings: Settings) -> list[Check]:
    """Ask database, revision, broker and storage, and the storage at a URL if jobs have one."""
    return _checks_of(settings).ask()


@cache
def _checks_of(settings: Settings) -> Checks:
    questions: dict[str, Callable[[], object]] = {name: partial(part, settings) for name, part in _PARTS.items()}
    if settings.storage_url:
        questions[REMOTE_STORAGE] = partial(require_answer, settings.storage_url)
    return Checks(questions)


def check_database(settings: Settings) -> None:
    """Ask for the time. Raises DatabaseError."""
    with open_session(settings, reads_only=True) as session:
        session.execute(select(db_now()))


def check_storage(settings: Settings) -> None:
    """Write a file into the home, read it and delete it. Raises StorageError."""
    probe = settings.home / f".ready-{uuid4().hex}"
    try:
        probe.write_bytes(b"ready")
        try:
            if probe.read_bytes() != b"ready":
                raise StorageError(f"{settings.home}: a file that was written just now reads otherwise.")
        finally:
            probe.unlink()
    except OSError as error:
        raise StorageError(f"{settings.home}: cannot be written: {error.strerror or error}.") from error


_PARTS: dict[str, Callable[[Settings], None]] = {
    "database": check_database,
    "revision": check_revision,
    "broker": ping,
    "storage": check_storage,
}
