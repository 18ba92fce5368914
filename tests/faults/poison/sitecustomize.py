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
from collections.abc import Callable
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


def find() -> None:
    """Look whether this process is the child of a job that is to be poisoned."""
    arguments = sys.orig_argv
    if "worker.execution.child" not in arguments or "TEST_POISONS" not in os.environ:
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


find()
