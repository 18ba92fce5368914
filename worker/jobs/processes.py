"""Whether a process of this machine lives, for those who may judge it: whoever sees the same table of processes.

Only Linux tells enough: elsewhere no process is ever said to be dead, and its leases run out by themselves.
"""

import os
from functools import cache
from pathlib import Path


@cache
def process_table() -> str | None:
    """Which table of processes this process sees: of which boot, container and user; None if that is not known.

    The user belongs to it, because a system may hide the processes of others.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        namespace = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return None
    return f"{boot} {namespace} {os.getuid()}"


def start_of(pid: int) -> int | None:
    """When a process was started, in clock ticks since the boot, which with its pid names it; None if it is dead."""
    try:
        # After the program's name, which may hold anything: state, parent, and so on; see proc_pid_stat(5).
        state, *others = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in ("Z", "X") else int(others[18])


def is_dead(table: str | None, pid: int, start: int | None) -> bool:
    """Whether a process is known to be dead.

    Args:
        table: that it belongs to.
        pid: of the process.
        start: as `start_of` returned it; None: whichever has this pid.
    """
    if table is None or table != process_table():
        return False
    now = start_of(pid)
    return now is None or (start is not None and now != start)
