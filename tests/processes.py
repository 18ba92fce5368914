"""How tests wait, and look at processes."""

import time
from collections.abc import Callable
from contextlib import suppress

import psutil


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Look again and again until something is so.

    Raises:
        TimeoutError: if it is not so after all that time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so after {seconds} s")
        time.sleep(0.05)


def family_of(pid: int) -> list[psutil.Process]:
    """A process and all its descendants."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def command_of(process: psutil.Process) -> list[str]:
    """The command line of a process; empty if it has ended, or is somebody else's."""
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return process.cmdline()
    return []


def lives(process: psutil.Process) -> bool:
    """Whether a process is there and not just waiting to be buried."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
