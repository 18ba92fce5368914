"""Starts the children of a slot."""

import logging
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from worker.execution.child_process import ChildProcess
from worker.execution.starting.forking import AdoptedProcess, ForkServer, ForkServerLostError

_log = logging.getLogger(__name__)
_PYTHON_MODULE = (sys.executable, "-P", "-m")
FRESH = (*_PYTHON_MODULE, "worker.execution.child")
FORK_SERVER = (*_PYTHON_MODULE, "worker.execution.starting.fork_server")
# numpy would start threads when it is loaded, for what nothing here computes with it.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}


class Starter:
    """Forks children from a fork server, where there is one; else each is a fresh interpreter."""

    def __init__(
        self,
        server_environment: Mapping[str, str] | None = None,
        *,
        fresh: Sequence[str] = FRESH,
        server: Sequence[str] = FORK_SERVER,
    ) -> None:
        """Prepare; the server is started by the process that needs it, of which this object may be a forked copy.

        Args:
            server_environment: of the fork server; None: there shall be none.
            fresh: the command of a child, without arguments.
            server: the command of a fork server, likewise.
        """
        # Elsewhere system libraries do not survive a fork, and the kernel gives no orphan to whom it is meant for.
        self._environment = None
        if server_environment is not None and sys.platform == "linux":
            self._environment = {**server_environment, **_ONE_THREAD}
        self._fresh = fresh
        self._command = server
        self._server: ForkServer | None = None

    def warm_up(self) -> None:
        """Start the fork server, so that it is ready when the first child is to be started."""
        if self._server is None and self._environment is not None:
            self._server = ForkServer(self._command, self._environment)

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> ChildProcess:
        """Start a child, which writes to the log.

        Raises:
            OSError: if it cannot be started.
        """
        with log.open("ab") as file:
            return ChildProcess(self._fork(arguments, environment, file) or self._spawn(arguments, environment, file))

    def stop(self) -> None:
        """End the fork server."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _fork(self, arguments: Sequence[str], environment: Mapping[str, str], log: IO[bytes]) -> AdoptedProcess | None:
        self.warm_up()
        if self._server is None:
            return None
        try:
            return self._server.fork(self._fresh, arguments, environment, log)
        except ForkServerLostError as error:
            _log.warning("%s This child is started as a fresh interpreter.", error)
            if not self._server.has_served:  # another one would fare no better
                self._environment = None
            self.stop()
            return None

    def _spawn(
        self, arguments: Sequence[str], environment: Mapping[str, str], log: IO[bytes]
    ) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [*self._fresh, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
        )
