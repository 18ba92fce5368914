"""Which jobs `deeplab job` is about: those of the store in the home, or those of a platform elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from worker.cli.store import create_store, require_store
from worker.client.http import Client
from worker.client.jobs import Jobs
from worker.client.store_jobs import StoreJobs
from worker.jobs.settings import Settings, load_settings


@contextmanager
def open_jobs(settings: Settings | None = None, *, create: bool = False) -> Iterator[Jobs]:
    """The jobs of the platform at DEEPLAB_URL, or of the store.

    Args:
        settings: say where; None reads them from the environment.
        create: the embedded database, if there is none yet.

    Raises:
        NoPlatformError: if there is no embedded database and `create` is false.
    """
    settings = settings or load_settings()
    if settings.url:
        with Client(settings.url, settings.token) as client:
            yield client
        return
    (create_store if create else require_store)(settings)
    yield StoreJobs(settings)
