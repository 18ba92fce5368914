"""Keep child processes from outliving their parents, handle signals for a while, and count CPUs. Torch-free."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from deeplab.confinement import confine

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_M_MMAP_THRESHOLD = -3  # <malloc.h>
_LARGE_BLOCK = 2**20  # bytes


def die_with_parent(parent_pid: int | None = None) -> None:
    """Ask the kernel to kill this process (SIGKILL) when its parent is gone.

    Does nothing outside Linux, where a child can outlive a parent that was killed.

    Args:
        parent_pid: pid of the parent, if known. A parent that died before this call can no longer be noticed by the
            kernel; if this pid is not that of the present parent, the process exits at once.

    Raises:
        OSError: if the kernel refuses.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    if parent_pid is not None and os.getppid() != parent_pid:
        os._exit(1)


def return_memory() -> None:
    """Let large blocks go back to the system when they are freed: glibc may keep them, for each thread its own.

    Does nothing with another C library.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt") and sys.platform == "linux":
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)


def start_pool_worker(
    _worker_id: int = 0, readable: Sequence[Path] | None = None, parent_pid: int | None = None
) -> None:
    """Prepare a pool or DataLoader worker: it dies with its parent, leaves stop signals to it, and reads as little.

    `readable` are the parent's `readable_folders`; the worker writes nothing. `parent_pid` is the parent's pid: one
    that has died since it started the worker would otherwise not be noticed.

    Ctrl-C and a service manager's SIGTERM reach the whole process group. The parent responds with a checkpoint, for
    which it still needs its workers, and then ends them itself.
    """
    die_with_parent(parent_pid)
    if readable is not None:
        confine(readable, writable=())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@contextmanager
def signals_handled(
    handler: Callable[[int, FrameType | None], object], numbers: Iterable[signal.Signals]
) -> Iterator[None]:
    """Inside the block, let `handler` take these signals; for the main thread alone, as Python has it."""
    previous = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in previous.items():
            signal.signal(number, earlier)


def is_main_process() -> bool:
    """Whether this process is the one that prints: the first of those that torchrun started, or the only one."""
    return "TORCHELASTIC_RUN_ID" not in os.environ or os.environ.get("RANK") == "0"


def n_cpus() -> int:
    """Count the CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
