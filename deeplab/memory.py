"""How much memory this process may still take. Torch-free."""

from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")  # of a container, or of a service that systemd limits
_FILES = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))


def available_memory(cgroup: Path = _CGROUP) -> int:
    """Bytes that the machine has free, or the process's control group, if that is less.

    Args:
        cgroup: where the kernel shows the limits of the process.
    """
    return min([psutil.virtual_memory().available, *_left_in(cgroup)])


def _left_in(cgroup: Path) -> list[int]:
    """What the limit of the control group leaves; nothing if there is none."""
    for limit, used in _FILES:
        try:
            left = int((cgroup / limit).read_text()) - int((cgroup / used).read_text())
        except (OSError, ValueError):  # there is no such file, or it says "max"
            continue
        return [max(0, left + _reclaimable(cgroup / limit))]
    return []


def _reclaimable(limit: Path) -> int:
    """Bytes of files that the kernel keeps in memory and gives up when it is short."""
    try:
        counts = dict(line.split() for line in limit.with_name("memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return 0
    return int(counts.get("inactive_file", 0))
