"""Tells others that jobs have ended: a thread in every worker, apart from what leases depend on."""

import logging
import threading

from sqlalchemy.exc import SQLAlchemyError

from deeplab.errors import DeepLabError
from worker.jobs.notices.delivery import deliver_due
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)


class Announcer:
    """A thread that empties the outbox of notices in a loop. Nothing waits for it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)

    def start(self) -> None:
        """Start the loop."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the notice that is being sent, or without it: it is due again later."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def _run(self) -> None:
        while not self._ended.wait(self._settings.reconcile_seconds):
            try:
                deliver_due(self._settings)
            except (DeepLabError, SQLAlchemyError) as error:
                _log.warning("Notices wait: %s", error)
