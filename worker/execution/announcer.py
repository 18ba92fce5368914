"""Tells others that jobs have ended: a thread in every worker, apart from what leases depend on."""

import logging
from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from deeplab.errors import DeepLabError
from worker.jobs.notices.delivery import deliver_due
from worker.jobs.repeating import Repeating
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)


class Announcer(Repeating):
    """A thread that empties the outbox of notices in a loop. A notice that it is stopped at is due again later."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("announcer")
        self._settings = settings

    def _take_steps(self) -> Iterator[float]:
        while True:
            yield self._settings.reconcile_seconds
            try:
                deliver_due(self._settings)
            except (DeepLabError, SQLAlchemyError) as error:
                _log.warning("Notices wait: %s", error)
