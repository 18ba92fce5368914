"""One process of the platform: started, awaited, restarted when it dies, and stopped with all that it started."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from deeplab.errors import DeepLabError
from deeplab.files import read_tail
from worker.jobs.watching.reasons import last_exception
from worker.platform import launch

_LARGEST_LOG = 10_000_000  # bytes; a larger one is set aside when its process is started
_LONGEST_PAUSE = 60.0  # seconds between a death and the restart
_STABLE_SECONDS = 60.0  # after which the deaths before do not count any more


class ProcessStartError(DeepLabError):
    """A process of the platform does not start."""


@dataclass(frozen=True)
class ProcessSpec:
    """How one process is started and known to work."""

    name: str  # for people: "web server"
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    is_ready: Callable[[], bool] = lambda: True
    start_seconds: float = 60  # how long it may take until it is ready
    stop_seconds: float = 10  # how long it may take from SIGTERM to its end
    inherited_fds: tuple[int, ...] = field(default=())


class ManagedProcess:
    """A running process, and the one that replaces it when it dies."""

    def __init__(self, spec: ProcessSpec) -> None:
        self.spec = spec
        self._deaths = 0
        self._restart_at: float | None = None
        self._start()

    def _start(self) -> None:
        self._restart_at = None
        self._family: list[psutil.Process] = []
        self._started_at = time.monotonic()
        _set_aside(self.spec.log)
        with self.spec.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                launch.command_line(list(self.spec.command)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.spec.environment),
                pass_fds=self.spec.inherited_fds,
                start_new_session=True,  # Ctrl-C on the terminal reaches only us, who stop the processes in order
            )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process is running."""
        return self._process.poll() is None

    def wait_until_ready(self) -> None:
        """Wait until the process works.

        Raises:
            ProcessStartError: if it ends instead, or takes too long.
        """
        while not self.spec.is_ready():
            if not self.is_running:
                raise ProcessStartError(f"The {self.spec.name} did not start: {self.describe_end()}")
            if time.monotonic() - self._started_at > self.spec.start_seconds:
                raise ProcessStartError(
                    f"The {self.spec.name} did not answer within {self.spec.start_seconds:.0f} s; its log is "
                    f"{self.spec.log}."
                )
            time.sleep(0.05)

    def restart_if_dead(self) -> str | None:
        """Start the process again if it died, after a pause that grows with every death; a sentence if it just died."""
        if self.is_running:
            return None
        now = time.monotonic()
        if self._restart_at is None:
            self._deaths = 0 if now - self._started_at > _STABLE_SECONDS else self._deaths + 1
            pause = min(2.0 ** max(self._deaths - 1, 0), _LONGEST_PAUSE)
            self._restart_at = now + pause
            return f"The {self.spec.name} ended ({self.describe_end()}) and is started again in {pause:.0f} s."
        if now >= self._restart_at:
            self._start()
        return None

    def ask_to_stop(self) -> None:
        """Send SIGTERM, and remember what the process has started so far."""
        self._remember_family()
        if self.is_running:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> None:
        """Wait at most so many seconds for the process to end."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(seconds, 0))

    def kill(self) -> None:
        """End the process, and everything that it started, at once."""
        self._remember_family()
        if self.is_running:
            self._process.kill()
            self._process.wait()
        self._kill_family()

    def describe_end(self) -> str:
        """Why the process ended, by the last lines of its log, and where the log is."""
        code = self._process.poll()
        n_bytes = min(self.spec.log.stat().st_size - self._log_start, 16_384)
        lines = [line.strip() for line in read_tail(self.spec.log, n_bytes).splitlines() if line.strip()]
        if code is not None and code < 0:
            reason = f"killed by {signal.Signals(-code).name}"
        else:
            reason = last_exception("\n".join(lines)) or (lines or [f"exit code {code}"])[-1]
        return f"{reason.rstrip('.')}; its log is {self.spec.log}"

    def _remember_family(self) -> None:
        with suppress(psutil.NoSuchProcess):
            self._family += psutil.Process(self.pid).children(recursive=True)

    def _kill_family(self) -> None:
        for process in self._family:
            with suppress(psutil.NoSuchProcess):  # psutil knows when a pid was given to another process
                process.kill()
        psutil.wait_procs(self._family, timeout=5)
        self._family = []


def _set_aside(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LARGEST_LOG:
        log.replace(log.with_name(f"{log.name}.1"))
