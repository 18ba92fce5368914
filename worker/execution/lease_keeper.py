"""Renew a lease while the child works.

A thread of its own does this, so that a database that hangs cannot keep the supervisor from noticing that the lease is
about to run out.
"""

import logging
import time
from collections.abc import Callable, Iterator

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from worker.jobs.database import DatabaseError, open_session
from worker.jobs.leases import LeaseLostError, Wish
from worker.jobs.repeating import Repeating
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)
_SAFE_FRACTION = 0.75  # of the lease; the rest is for killing the child


class LeaseKeeper(Repeating):
    """Renews a lease about every second while the block runs."""

    def __init__(self, settings: Settings, renew: Callable[[Session], Wish | None]) -> None:
        """Begin with a lease that was taken just now.

        Args:
            settings: name the database and the length of the lease.
            renew: renews it and returns what people want of the job; raises LeaseLostError if it is gone.
        """
        super().__init__("lease keeper")
        self.wish: Wish | None = None
        self._settings = settings
        self._renew = renew
        self._renewed_at = time.monotonic()
        self._lost = False

    @property
    def lost(self) -> bool:
        """Whether the lease is gone, or so near its end that the child has to be killed."""
        return self._lost or time.monotonic() > self._renewed_at + _SAFE_FRACTION * self._settings.lease_seconds

    def _take_steps(self) -> Iterator[float]:
        while not self._lost:
            yield min(1.0, self._settings.lease_seconds / 5)
            asked_at = time.monotonic()
            try:
                with open_session(self._settings) as session:
                    self.wish = self._renew(session)
                self._renewed_at = asked_at
            except LeaseLostError:
                self._lost = True
            except (DatabaseError, SQLAlchemyError) as error:
                _log.warning("The lease could not be renewed: %s", error)
