"""Recover from lost messages, dead workers and absent brokers: publish queued jobs again, take back expired leases.

Every worker does this, also at the same time: each change is a compare-and-set, and an extra message is harmless.
"""

import logging
import threading

from sqlalchemy.exc import SQLAlchemyError

from deeplab.errors import DeepLabError
from worker.jobs import leases, outbox, workers
from worker.jobs.broker.queue import BrokerUnreachableError, publish
from worker.jobs.database import open_session
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)


class Reconciler:
    """A thread that reconciles in a loop, and records the worker's heartbeat."""

    def __init__(self, settings: Settings, worker: str) -> None:
        self._settings = settings
        self._worker = worker
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)

    def start(self) -> None:
        """Start the loop; the first pass begins at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current pass."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                with open_session(self._settings) as session:
                    workers.heartbeat(session, self._worker)
                reconcile(self._settings)
            except (DeepLabError, SQLAlchemyError) as error:
                _log.warning("Reconciling failed, will retry: %s", error)
            self._ended.wait(self._settings.reconcile_seconds)


def reconcile(settings: Settings) -> None:
    """Make one pass: take back jobs whose worker is gone, and publish those that wait."""
    expire_leases(settings)
    publish_waiting(settings)


def expire_leases(settings: Settings) -> None:
    """Queue jobs again whose worker stopped responding, or fail them if their attempts are used up."""
    with open_session(settings, reads_only=True) as session:
        expired = leases.expired(session)
    for job_id, fence in expired:
        with open_session(settings) as session:
            state = leases.expire(session, job_id, fence)
        if state is not None:
            _log.warning("Job %d: the worker stopped responding; the job is now %s.", job_id, state)


def publish_waiting(settings: Settings) -> None:
    """Publish queued jobs that were never published, or so long ago that the message may be lost."""
    with open_session(settings, reads_only=True) as session:
        waiting = outbox.list_due(session)
    for job in waiting:
        try:
            publish(settings, job)
        except BrokerUnreachableError as error:
            _log.warning("%s", error)
            return  # the others need the same broker
