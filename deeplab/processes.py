"""Keep child processes from outliving their parents, handle signals for a while, and count CPUs. Torch-free."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from deeplab.confinement import confine
from deeplab.mirrors import Mirrors, mount

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_PR_SET_CHILD_SUBREAPER = 36
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
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent_pid is not None and os.getppid() != parent_pid:
        os._exit(1)


@contextmanager
def adopting_orphans() -> Iterator[None]:
    """Inside the block, on Linux, become the parent of any descendant whose own parent ends.

    Raises:
        OSError: if the kernel refuses.
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        _prctl(_PR_SET_CHILD_SUBREAPER, 0)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def n_threads() -> int:
    """Count the threads of this process that Linux knows of, whoever has started them."""
    return len(list(Path("/proc/self/task").iterdir()))


def show_command(command: Sequence[str]) -> None:
    """Let lists of processes show a command for this one, as far as it fits in place of its own; on Linux."""
    # See proc_pid_stat(5): where the process keeps its command line.
    first, last = map(int, Path("/proc/self/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[45:47])
    if 0 < first < last:  # else the system does not tell
        text = b"".join(os.fsencode(each) + b"\0" for each in command)[: last - first - 1]
        ctypes.memmove(first, text.ljust(last - first, b"\0"), last - first)


def return_memory() -> None:
    """Let large blocks go back to the system when they are freed: glibc may keep them, for each thread its own.

    Does nothing with another C library.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt") and sys.platform == "linux":
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)


def start_pool_worker(
    _worker_id: int = 0,
    readable: Sequence[Path] | None = None,
    parent_pid: int | None = None,
    mirrors: Mirrors = Mirrors(),  # noqa: B008  (it never changes)
) -> None:
    """Prepare a pool or DataLoader worker: it dies with its parent, leaves stop signals to it, and reads as little.

    `readable` are the parent's `readable_folders`, `mirrors` what it has mounted; the worker writes nothing.
    `parent_pid` is the parent's pid: one that has died since it started the worker would otherwise not be noticed.

    Ctrl-C and a service manager's SIGTERM reach the whole process group. The parent responds with a checkpoint, for
    which it still needs its workers, and then ends them itself.
    """
    die_with_parent(parent_pid)
    if readable is not None:
        confine(readable, writable=())
    mount(mirrors)
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
    """Count the CPUs that this process may keep busy: at most as many as OMP_NUM_THREADS says, PyTorch's own setting.

    Else it is as many as the system lets it run on, or a container's share of the processor is worth.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # the others are for threads in threads
    wanted = int(given) if given.isdecimal() else 0
    return min(filter(None, (allowed, cpus_of_container(), wanted)))


def cpus_of_container(cgroup: Path = Path("/sys/fs/cgroup")) -> int | None:
    """How many CPUs the share is worth, rounded up, that the control group of this process has; None without a limit.

    Args:
        cgroup: where the kernel shows the limits of the process.
    """
    files_of_versions = (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"])
    for files in files_of_versions:
        with suppress(OSError, ValueError):  # there is no such file, or it says "max"
            quota, period = map(int, " ".join((cgroup / file).read_text() for file in files).split())
            return -(-quota // period) if quota > 0 else None
    return None
