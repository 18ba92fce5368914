"""What puts right whatever went wrong in between: lost messages, workers that died, brokers that were away.

Any number of workers may do this at the same time: every change is a compare-and-set, and a message too many does no
harm.
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
    """A thread that reconciles again and again, and tells the database that the worker is alive."""

    def __init__(self, settings: Settings, worker: str) -> None:
        self._settings = settings
        self._worker = worker
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)

    def start(self) -> None:
        """Begin, with a first pass at once."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the pass that is under way."""
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
                _log.warning("Not reconciled, trying again: %s", error)
            self._ended.wait(self._settings.reconcile_seconds)


def reconcile(settings: Settings) -> None:
    """One pass: take back what nobody works on any more, and tell Celery about all that waits."""
    expire_leases(settings)
    publish_waiting(settings)


def expire_leases(settings: Settings) -> None:
    """Return jobs whose worker stopped answering to the queue, or fail them if their attempts are used up."""
    with open_session(settings, reads_only=True) as session:
        expired = leases.expired(session)
    for job_id, fence in expired:
        with open_session(settings) as session:
            state = leases.expire(session, job_id, fence)
        if state is not None:
            _log.warning("Job %d: its worker stopped answering; it is %s now.", job_id, state)


def publish_waiting(settings: Settings) -> None:
    """Tell Celery about queued jobs that it was never told about, or so long ago that the message may be lost."""
    with open_session(settings, reads_only=True) as session:
        waiting = outbox.list_due(session)
    for job in waiting:
        try:
            publish(settings, job)
        except BrokerUnreachableError as error:
            _log.warning("%s", error)
            return  # the others would wait for the same broker
