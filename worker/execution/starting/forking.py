"""A supervisor's fork server, and the children that it has forked."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO

from deeplab.processes import adopting_orphans

_PATIENCE_SECONDS = 60.0  # for a child; it includes what the server may still have to load
_LONGEST_PAUSE = 0.02  # seconds between two looks at a child
# Children show their own commands in place of the server's, as far as there is room.
_ROOM = ("forks", "children,", "which", "show", "their", "jobs", "here,", "once", "PyTorch", "is", "loaded", "." * 80)


class ForkServerLostError(Exception):
    """The fork server has ended, or does not answer."""


class ForkServer:
    """A running fork server, which the kernel kills with this process."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it; it loads what children need while nobody asks for one.

        Args:
            command: of `worker.execution.starting.fork_server`, without arguments.
            environment: of the server; children get their own.
        """
        self.has_served = False
        self._link, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno()), str(os.getpid()), *_ROOM],
                stdin=subprocess.DEVNULL,
                env=dict(environment),
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def fork(
        self, command: Sequence[str], arguments: Sequence[str], environment: Mapping[str, str], log: IO[bytes]
    ) -> "AdoptedProcess":
        """Fork a child.

        Args:
            command: of a fresh interpreter that would do the same, which lists of processes show.
            arguments: of the command.
            environment: of the child.
            log: its standard output and standard error.

        Raises:
            OSError: if the system allows no further process.
            ForkServerLostError: if there is no answer.
        """
        order = {"command": list(command), "arguments": list(arguments), "environment": dict(environment)}
        ours, theirs = socket.socketpair()
        with ours, adopting_orphans():
            with theirs:
                self._send(theirs, log)
            child = AdoptedProcess(_receive_pid(ours))
            with suppress(OSError):  # it was killed: its exit status will say so
                ours.sendall(json.dumps(order).encode())
        self.has_served = True
        return child

    def stop(self) -> None:
        """End the server; children live on."""
        self._link.close()
        self._process.kill()
        self._process.wait()

    def _send(self, order: socket.socket, log: IO[bytes]) -> None:
        try:
            socket.send_fds(self._link, [b"\n"], [order.fileno(), log.fileno()])
        except OSError as error:
            raise ForkServerLostError(f"The fork server has ended: {error.strerror}.") from error


def _receive_pid(order: socket.socket) -> int:
    order.settimeout(_PATIENCE_SECONDS)
    try:
        answer = order.recv(32)
    except OSError as error:
        raise ForkServerLostError(f"The fork server does not answer: {error}.") from error
    if not answer:
        raise ForkServerLostError("The fork server has ended; the lines above say why.")
    if (pid := int(answer)) < 0:
        raise OSError(-pid, os.strerror(-pid))
    return pid


class AdoptedProcess:
    """A child of this process that another process has forked; its interface is that of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit status. Raises TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = 0.0005
        while (status := self.poll()) is None:
            left = _LONGEST_PAUSE if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            pause = min(2 * pause, left, _LONGEST_PAUSE)
            time.sleep(pause)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)
