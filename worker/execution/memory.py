"""Whether the system has ended processes for lack of memory, and what people can lower then. Never imports torch."""

import re
from collections.abc import Iterator
from pathlib import Path

ADVICE = (
    "lower the batch size (SOLVER.BATCH_SIZE, or that of the job), the image size or crop (IMAGE.SIZE) or the"
    " processes that read (DATALOADER.NUM_WORKERS)"
)
_KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)
_ERRORS = re.compile(  # in the texts of RuntimeErrors of PyTorch and its libraries
    r"out of memory|can't allocate memory|not enough memory|CU(?:DNN|BLAS)_STATUS_ALLOC_FAILED", re.IGNORECASE
)


def explain(error: BaseException) -> str | None:
    """A sentence about an exception that says that memory did not suffice; None if it says something else."""
    name = type(error).__name__
    if name in ("OutOfMemoryError", "AcceleratorError") and "memory" in str(error).lower():
        return f"Out of GPU memory; {ADVICE}, or use the CPU."
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _ERRORS.search(str(error))):
        place = "GPU memory" if re.search(r"\bCU|CUDA", str(error)) else "memory"
        return f"Out of {place}; {ADVICE}."
    return None


class KillCounter:
    """Counts the processes that the system ends for lack of memory, from now on."""

    def __init__(self, files: tuple[Path, ...] | None = None) -> None:
        """Begin to count; `files` are those of the system in which it counts, the first that exists is read."""
        self._files = tuple(_files()) if files is None else files
        self._before = self._read()

    def has_risen(self) -> bool:
        """Whether a process was ended since."""
        return self._read() > self._before

    def _read(self) -> int:
        for file in self._files:
            try:
                found = _KILLS.search(file.read_text("ascii"))
            except OSError:
                continue
            if found is not None:
                return int(found[1])
        return 0


def _files() -> Iterator[Path]:
    """Where Linux counts: for the control group of this process in both versions, else for the whole machine."""
    root = Path("/sys/fs/cgroup")
    try:
        groups = Path("/proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        groups = []
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            yield root / path.lstrip("/") / "memory.events"
        elif "memory" in controllers.split(","):
            yield root / "memory" / path.lstrip("/") / "memory.oom_control"
            yield root / "memory" / "memory.oom_control"  # in a container, which sees its own group alone
    yield root / "memory.events"
    yield Path("/proc/vmstat")
