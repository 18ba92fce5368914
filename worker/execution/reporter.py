"""The reporter of jobs: writes what the core reports into the database, under the attempt's fence."""

import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deeplab.files import delete_file, flush_to_disk, sha256_of
from deeplab.reporter import VALIDATION_IMAGE
from worker.jobs import leases
from worker.jobs.database import DatabaseError, retry_for
from worker.jobs.records import checkpoints, metrics
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)
_WRITE_SECONDS = 1.0  # between two writes of progress


class AliveFile:
    """A file that is touched about once a second, so that the supervisor sees that the child makes progress."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._touched_at = -math.inf

    def touch(self) -> None:
        """Show that there was progress."""
        if time.monotonic() >= self._touched_at + _WRITE_SECONDS:
            self._path.touch()
            self._touched_at = time.monotonic()


class Rate:
    """How fast this attempt is. What earlier attempts did does not count."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None

    def eta_seconds(self, done: int, total: int) -> float | None:
        """Estimate the seconds that are left; None while there is nothing to go by."""
        now = time.monotonic()
        if self._first is None or done < self._first[1]:
            self._first = (now, done)
        began_at, done_before = self._first
        return (total - done) * (now - began_at) / (done - done_before) if done > done_before else None


@dataclass(frozen=True)
class _SavedCheckpoint:
    path: Path
    iteration: int
    sha256: str
    is_best: bool


class JobReporter:
    """Implements deeplab.reporter.Reporter for the attempt that owns a job.

    While the database cannot be reached, it keeps what was reported and the work goes on, until the supervisor ends the
    child because it cannot renew the lease either.
    """

    def __init__(
        self, settings: Settings, job_id: int, fence: int, alive: AliveFile, should_stop: Callable[[], bool]
    ) -> None:
        self.should_stop = should_stop
        self._settings = settings
        self._job_id = job_id
        self._fence = fence
        self._alive = alive
        self._rate = Rate()
        self._written_at = -math.inf
        self._progress: tuple[int, int, str, float | None] | None = None
        self._metrics: dict[int, dict[str, float]] = defaultdict(dict)
        self._checkpoints: list[_SavedCheckpoint] = []
        self._discarded: list[int] = []  # iterations

    def progress(self, done: int, total: int, unit: str) -> None:
        """Record progress, about once a second."""
        self._alive.touch()
        if unit == VALIDATION_IMAGE:  # a validation is no progress of the training
            if done * 10 // total > (done - 1) * 10 // total:  # at each tenth
                _log.info("Evaluated %d of %d images.", done, total)
            return
        self._progress = (done, total, unit, self._rate.eta_seconds(done, total))
        if time.monotonic() >= self._written_at + _WRITE_SECONDS:
            self._try_to_write()

    def metrics(self, iteration: int, values: Mapping[str, float]) -> None:
        """Record metrics together with the next progress. A value that is not finite is only logged."""
        _log.info("Iteration %d: %s", iteration, ", ".join(f"{name} {value:.6g}" for name, value in values.items()))
        self._metrics[iteration].update({name: value for name, value in values.items() if math.isfinite(value)})

    def checkpoint(self, path: Path, iteration: int, *, is_best: bool) -> None:
        """Record a complete, flushed checkpoint at once, with its hash."""
        flush_to_disk(path.parent)
        self._checkpoints.append(_SavedCheckpoint(path, iteration, sha256_of(path), is_best))
        _log.info("Saved %s at iteration %d%s.", path.name, iteration, ", the best so far" if is_best else "")
        self._try_to_write()

    def discard(self, path: Path, iteration: int) -> None:
        """Forget the job's checkpoints of an iteration, whichever attempt saved them, and then delete their files."""
        self._discarded.append(iteration)
        self._try_to_write()

    def flush(self) -> None:
        """Record everything that is left; while the database cannot be reached, retry as long as a lease lasts.

        Raises:
            DatabaseError: if it could not be reached in all that time.
            LeaseLostError: if the attempt no longer owns the job.
        """
        retry_for(self._write, self._settings.lease_seconds)

    def _try_to_write(self) -> None:
        try:
            self._write()
        except DatabaseError as error:
            _log.warning("Not recorded yet: %s", error)
            self._written_at = time.monotonic()

    def _write(self) -> None:
        """Write all that is pending in one transaction, under the fence."""
        with leases.fenced(self._settings, self._job_id, self._fence) as session:
            if self._progress is not None:
                leases.set_progress(session, self._job_id, *self._progress)
            for iteration, values in self._metrics.items():
                metrics.add(session, self._job_id, iteration, values)
            for each in self._checkpoints:
                checkpoints.add(
                    session, self._job_id, self._fence, each.iteration, each.path, each.sha256, is_best=each.is_best
                )
            unreferenced = [
                path for iteration in self._discarded for path in checkpoints.discard(session, self._job_id, iteration)
            ]
        for path in unreferenced:  # only now that it is committed: a row never points to a file that is gone
            delete_file(path)
        self._discarded.clear()
        self._progress = None
        self._metrics.clear()
        self._checkpoints.clear()
        self._written_at = time.monotonic()
