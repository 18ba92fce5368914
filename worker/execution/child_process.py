"""The process of an attempt: in a session of its own, and killed together with everything that it started."""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import psutil

_log = logging.getLogger(__name__)


class Started(Protocol):
    """A child of this process that was started just now, as `subprocess.Popen` describes it."""

    @property
    def pid(self) -> int:
        """Process id."""

    @property
    def returncode(self) -> int | None:
        """The exit status if its end was waited for, negative for a signal; else None."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit status. Raises TimeoutExpired."""

    def send_signal(self, number: signal.Signals, /) -> None:
        """Send a signal, unless it has ended."""


class ChildProcess:
    """A process that leads a session of its own."""

    def __init__(self, process: Started) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Process id, which is also that of its session and process group."""
        return self._process.pid

    def wait(self, seconds: float) -> int | None:
        """Wait at most so many seconds for the end; the exit status, negative for a signal, None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None

    def stop(self, grace: float, cut_short: Callable[[], bool]) -> None:
        """Ask the child to stop, and kill it with all its processes after so many seconds, or when cut short."""
        deadline = time.monotonic() + grace
        self._process.send_signal(signal.SIGTERM)  # its own children leave it to it to end them
        while self.wait(0.1) is None and time.monotonic() < deadline and not cut_short():
            pass
        self.kill()

    def kill(self) -> None:
        """Kill what is left of the child and of the processes that it started; return when none is left."""
        warn_at = time.monotonic() + 10
        while family := self._family():
            for process in family:
                with suppress(psutil.NoSuchProcess):  # psutil knows when a pid was given to another process
                    process.kill()
            self.wait(0.05)
            if time.monotonic() > warn_at:  # such as one that hangs in a driver or a network file system
                _log.warning("Processes %s do not die.", ", ".join(str(process.pid) for process in family))
                warn_at += 60
        self._process.wait()

    def _family(self) -> list[psutil.Process]:
        """The processes of the child's session and its descendants in other sessions, without zombies."""
        family = {}
        is_there = self._process.returncode is None  # else the system may reuse its pid
        with suppress(psutil.NoSuchProcess):
            if is_there:
                family = {process.pid: process for process in psutil.Process(self.pid).children(recursive=True)}
        for pid in psutil.pids():
            with suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
                if os.getsid(pid) == self.pid and (is_there or pid != self.pid):
                    family[pid] = psutil.Process(pid)
        return [process for process in family.values() if _lives(process)]


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False
