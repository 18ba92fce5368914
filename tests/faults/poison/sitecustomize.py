"""Python imports this at its start: a child whose job is to be poisoned meets its end a moment later.

One that is to run out of memory gets little of it; that its job needs more is up to its request.
"""

import ctypes
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

MEMORY = 2 * 2**30  # bytes that a process may have that is to lack some

POISONS: dict[str, Callable[[], object]] = {
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": lambda: ctypes.string_at(0),
    "exit 3": lambda: os._exit(3),
}


def act(poison: str, after: Path) -> None:
    """Wait until the child has reported progress, and do it."""
    while not after.exists():
        time.sleep(0.02)
    POISONS[poison]()


def find(arguments: Sequence[str]) -> None:
    """Look whether this process, by its command, is the child of a job that is to be poisoned."""
    if "worker.execution.child" not in arguments:
        return
    job, fence = arguments[arguments.index("worker.execution.child") + 1 :][:2]
    order = Path(os.environ["TEST_POISONS"]) / job
    if not order.exists():
        return
    poison = order.read_text("utf-8")
    if poison == "out of memory":
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    else:
        alive = Path(os.environ["DEEPLAB_HOME"]) / "jobs" / job / fence / "alive"
        threading.Thread(target=act, args=(poison, alive), daemon=True).start()


class Forks:
    """Follows what the fork server forks: a process in between, and from that one the child."""

    depth = 0

    def note(self) -> None:
        """Look at the child as soon as it has a command of its own."""
        self.depth += 1
        if self.depth == 2:
            threading.Thread(target=self._await_command, daemon=True).start()

    def _await_command(self) -> None:
        while "worker.execution.child" not in (words := Path("/proc/self/cmdline").read_text().split("\0")):
            time.sleep(0.02)
        find(words)


if "TEST_POISONS" in os.environ:
    if "worker.execution.starting.fork_server" in sys.orig_argv:
        os.register_at_fork(after_in_child=Forks().note)
    find(sys.orig_argv)
