"""Slots of a worker: how many jobs it runs at a time, and which GPU each of them gets. Never imports torch."""

import mmap
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from billiard import current_process

from deeplab.formats import plural
from deeplab.processes import n_cpus
from worker.execution.supervisor import SlotContext

_GPU = re.compile(r"GPU \d+: (?P<name>.+?) \(UUID: (?P<id>GPU-[\w-]+)\)")
_PART = re.compile(r"\s+MIG (?P<name>\S+)\s+Device\s+\d+: \(UUID: (?P<id>MIG-[\w/-]+)\)")


@dataclass(frozen=True)
class Gpu:
    """A CUDA device: a GPU, or a part of one (MIG)."""

    id: str  # as CUDA_VISIBLE_DEVICES takes it
    name: str


class StopFlag:
    """A byte that a worker shares with its pool processes, set when it was told to stop.

    Unlike multiprocessing's Event it has no lock, which a killed process could hold for ever.
    """

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)  # anonymous, shared with the processes that are forked after this

    def set(self) -> None:
        """Tell all of them to stop."""
        self._byte[0] = 1

    def is_set(self) -> bool:
        """Whether they were told to stop."""
        return self._byte[0] != 0


class Slots:
    """The slots of one Celery worker, one per pool process."""

    def __init__(self, worker: str, gpus: Sequence[Gpu], concurrency: int | None) -> None:
        """Number the slots.

        Args:
            worker: name of the worker.
            gpus: that its children may use, in turn; without any, they see none.
            concurrency: how many jobs at a time; None: one per GPU, or one.
        """
        self.worker = worker
        self.stop = StopFlag()
        self._gpus = gpus
        self.count = concurrency or max(len(self._gpus), 1)

    @property
    def device(self) -> str:
        """What the worker computes on, as people read it: "2 x NVIDIA H200"."""
        names = [gpu.name for gpu in self._gpus]
        counted = (f"{names.count(name)} x {name}" if names.count(name) > 1 else name for name in dict.fromkeys(names))
        return ", ".join(counted) or _cpu()

    def current(self) -> SlotContext:
        """The slot of this pool process."""
        gpu = self._gpus[_number_in_pool() % len(self._gpus)] if self._gpus else Gpu("", _cpu())
        return SlotContext(
            owner=f"{self.worker}/{os.getpid()}",
            device=gpu.name,
            environment={"CUDA_VISIBLE_DEVICES": gpu.id},
            stopping=self.stop.is_set,
        )


def find_gpus(environment: Mapping[str, str] = os.environ) -> list[Gpu]:
    """Find the CUDA devices that this process may use, in CUDA's order; none without an NVIDIA driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    listing = subprocess.run([program, "-L"], capture_output=True, text=True, check=False, timeout=60).stdout
    return visible_gpus(parse_gpus(listing), environment.get("CUDA_VISIBLE_DEVICES"))


def parse_gpus(listing: str) -> list[Gpu]:
    """Read the output of `nvidia-smi -L`. A GPU that is divided is replaced by its parts."""
    gpus: list[Gpu] = []
    divided = ""
    for line in listing.splitlines():
        if match := _GPU.match(line):
            gpus.append(Gpu(match["id"], match["name"]))
        elif (match := _PART.match(line)) and gpus:
            if not gpus[-1].id.startswith("MIG-"):
                divided = gpus.pop().name
            gpus.append(Gpu(match["id"], f"{divided} MIG {match['name']}"))
    return gpus


def visible_gpus(gpus: list[Gpu], allowed: str | None) -> list[Gpu]:
    """Apply CUDA_VISIBLE_DEVICES: indices, or ids and prefixes of ids, up to the first unknown one."""
    if allowed is None:
        return gpus
    chosen: list[Gpu] = []
    for part in (part.strip() for part in allowed.split(",")):
        matches = [gpu for number, gpu in enumerate(gpus) if part == str(number) or (part and gpu.id.startswith(part))]
        if len(matches) != 1:
            break
        chosen.append(matches[0])
    return chosen


def _number_in_pool() -> int:
    number: int = current_process().index  # type: ignore[attr-defined]  # the pool numbers its processes
    return number


def _cpu() -> str:
    return f"CPU ({plural(n_cpus(), 'core')})"
