"""For how long a child has reported no progress, by the file that it touches."""

import time
from pathlib import Path

from sqlalchemy.orm import Session

from deeplab.formats import duration
from worker.jobs.jobs import Job
from worker.jobs.records import events
from worker.jobs.settings import Settings

_WORTH_MENTIONING = 60.0  # seconds
_WARNING = "no progress for "


class Stillness:
    """Looks at a child's file whenever the supervisor does; the lease keeper's thread tells people of it."""

    def __init__(self, settings: Settings, job: Job, alive: Path) -> None:
        self._limit = settings.stall_seconds_of(job.kind)
        self._job = job
        self._alive = alive
        self._touched: int | None = None
        self._seen_at = time.monotonic()

    def look(self) -> None:
        """See whether there was progress."""
        touched = self._alive.stat().st_mtime_ns if self._alive.exists() else None
        if touched != self._touched:  # compared with itself only: the clocks of file servers differ
            self._touched, self._seen_at = touched, time.monotonic()

    @property
    def _seconds(self) -> float:
        """Since progress was seen."""
        return time.monotonic() - self._seen_at

    @property
    def is_too_long(self) -> bool:
        """Whether the child is to be ended."""
        return self._seconds > self._limit

    @property
    def worth_mentioning(self) -> float | None:
        """The seconds, if they are unusual."""
        seconds = self._seconds
        return seconds if seconds > min(_WORTH_MENTIONING, self._limit / 2) else None

    def warn(self, session: Session) -> None:
        """Tell people once an attempt that half of the time is over."""
        if self._seconds < self._limit / 2:
            return
        earlier = events.list_events(session, self._job.id)
        if any(each.fence == self._job.fence and each.message.startswith(_WARNING) for each in earlier):
            return
        sentence = f"{_WARNING}{duration(self._seconds)}; after {duration(self._limit)} the attempt is ended"
        events.add(session, self._job.id, self._job.fence, sentence)
