"""Record what an attempt uses of its machine: cores and memory of all its processes, and its GPUs.

A thread of its own does this. Nothing depends on it: while the database or nvidia-smi does not answer, values lack.
"""

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress

import psutil
from sqlalchemy.exc import SQLAlchemyError

from worker.execution.gpu_use import read_gpu_use
from worker.jobs.database import DatabaseError, read_clock
from worker.jobs.jobs import Job
from worker.jobs.leases import LeaseLostError, fenced
from worker.jobs.records import resources
from worker.jobs.repeating import Repeating
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)
_FIRST_AFTER = 2.0  # seconds, so that short jobs have a value, too


class ResourceMonitor(Repeating):
    """Records the use of a process and its descendants while the block runs."""

    def __init__(self, settings: Settings, job: Job, environment: Mapping[str, str], pid: int) -> None:
        """Prepare the monitor.

        Args:
            settings: name the database.
            job: as it was claimed.
            environment: of the process; CUDA_VISIBLE_DEVICES names its GPUs.
            pid: of the process.
        """
        super().__init__("resource monitor")
        self._settings = settings
        self._job = job
        self._gpu_ids = [each for each in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if each]
        self._processes = ProcessTree(pid)
        self._pause = resources.SHORTEST_PAUSE

    def _take_steps(self) -> Iterator[float]:
        self._processes.read()  # the beginning of the first stretch of time
        yield _FIRST_AFTER
        while True:
            values = {**self._processes.read(), **read_gpu_use(self._gpu_ids)}
            try:
                self._write(values)
            except LeaseLostError:
                return
            except (DatabaseError, SQLAlchemyError) as error:
                _log.warning("The use of resources is not recorded: %s", error)
            yield self._pause

    def _write(self, values: Mapping[str, float]) -> None:
        with fenced(self._settings, self._job.id, self._job.fence) as session:
            seconds = read_clock(session) - (self._job.started_at or 0.0)
            resources.add(session, self._job.id, seconds, values)
            if (pause := resources.pause_at(seconds)) != self._pause:
                resources.thin(session, self._job.id, pause)
                self._pause = pause


class ProcessTree:
    """A process with all its descendants."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._seconds: dict[int, float] = {}  # of computing, by process, when they were read last
        self._read_at = time.monotonic()

    def read(self) -> dict[str, float]:
        """Measure "cpu", cores that were busy since the last call on average, and "memory", bytes in use now."""
        memory, seconds = 0.0, {}
        for process in self._list():
            with suppress(psutil.Error):  # it has ended
                used = process.cpu_times()
                seconds[process.pid] = used.user + used.system
                memory += _memory_of(process)
        now = time.monotonic()
        computed = sum(spent - self._seconds.get(pid, 0.0) for pid, spent in seconds.items())
        cores = max(0.0, computed) / max(now - self._read_at, 1e-3)
        self._seconds, self._read_at = seconds, now
        return {"cpu": min(cores, float(os.cpu_count() or 1)), "memory": memory}

    def _list(self) -> list[psutil.Process]:
        try:
            process = psutil.Process(self._pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def _memory_of(process: psutil.Process) -> float:
    """Bytes of memory; of what processes share, each counts its part, where the system says so."""
    with suppress(psutil.AccessDenied, AttributeError):
        return float(process.memory_full_info().pss)
    return float(process.memory_info().rss)
