"""Slots of a worker: how many jobs it runs at a time, and which GPUs each of them gets. Never imports torch."""

import mmap
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from deeplab.formats import plural
from deeplab.processes import cpus_of_container, n_cpus
from worker.execution.gpu_locks import GpuLocks
from worker.execution.starting.starter import Starter
from worker.execution.supervisor import SlotContext
from worker.jobs.workers import owner_name

_GPU = re.compile(r"GPU \d+: (?P<name>.+?) \(UUID: (?P<id>GPU-[\w-]+)\)")
_MEMORY = re.compile(r"^(?P<id>GPU-[\w-]+), *(?P<size>\d+)$", re.MULTILINE)
_PART = re.compile(r"\s+MIG (?P<name>\S+)\s+Device\s+\d+: \(UUID: (?P<id>MIG-[\w/-]+)\)")


@dataclass(frozen=True)
class Gpu:
    """A CUDA device: a GPU, or a part of one (MIG)."""

    id: str  # as CUDA_VISIBLE_DEVICES takes it
    name: str

    @property
    def is_part(self) -> bool:
        """Whether it is a part of a GPU."""
        return self.id.startswith("MIG-")


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
    """The slots of one Celery worker, one per pool process, and the GPUs that they share out among their jobs."""

    def __init__(
        self,
        worker: str,
        gpus: Sequence[Gpu],
        concurrency: int | None,
        worker_id: int = 0,
        starter: Starter | None = None,
        cores: int | None = None,
    ) -> None:
        """Prepare the slots; the pool processes are forked after this.

        Args:
            worker: name of the worker.
            gpus: that its children may use; without any, they see none.
            concurrency: how many jobs at a time; None: one per GPU, or one.
            worker_id: of this process of the worker; it may be set later, before the fork.
            starter: of children; None: one that starts fresh interpreters. Each pool process has a copy.
            cores: that all jobs together may keep busy; None: those that this process may.
        """
        self.worker = worker
        self.worker_id = worker_id
        self.starter = starter or Starter()
        self.stop = StopFlag()
        self.count = concurrency or max(len(gpus), 1)
        self._gpus = gpus
        self._cores = cores
        self._locks = GpuLocks(len(gpus), self.count)

    @property
    def device(self) -> str:
        """What the worker computes on, as people read it: "2 x NVIDIA H200"."""
        return _describe(self._gpus)

    @property
    def most_gpus(self) -> int:
        """How many GPUs one job can have; 0 if there are none."""
        return max(len(self._usable(2)), min(len(self._gpus), 1))

    @contextmanager
    def reserved(self, n_gpus: int, is_wanted: Callable[[], bool]) -> Iterator[SlotContext | None]:
        """Wait until so many GPUs are free, and make them this pool process's slot inside the block.

        Args:
            n_gpus: at most `most_gpus`, or 1, which without GPUs means the CPU.
            is_wanted: whether to go on waiting, asked now and then.

        Yields:
            The slot; None if it was no longer wanted.
        """
        if not self._gpus:
            yield self._slot([])
            return
        with self._locks.held(n_gpus, self._usable(n_gpus), is_wanted) as numbers:
            yield None if numbers is None else self._slot([self._gpus[number] for number in numbers])

    def _threads_of_a_process(self) -> int | None:
        """How many cores a process of a job may keep busy while all slots or GPUs are in use; None: as PyTorch likes.

        The latter is one for each core and not for each of its threads, where a processor has several.
        """
        n_processes = max(self.count, len(self._gpus))
        if self._cores is None and n_processes == 1 and cpus_of_container() is None:
            return None
        return max(1, (self._cores or n_cpus()) // n_processes)

    def _usable(self, n_gpus: int) -> list[int]:
        """The numbers of the GPUs that a job for so many can use. Of parts of GPUs a process sees no more than one."""
        return [number for number, gpu in enumerate(self._gpus) if n_gpus == 1 or not gpu.is_part]

    def _slot(self, gpus: Sequence[Gpu]) -> SlotContext:
        environment = {"CUDA_VISIBLE_DEVICES": ",".join(gpu.id for gpu in gpus)}
        if n_threads := self._threads_of_a_process():
            environment["OMP_NUM_THREADS"] = str(n_threads)
        return SlotContext(
            owner=owner_name(self.worker, self.worker_id, os.getpid()),
            device=_describe(gpus),
            environment=environment,
            stopping=self.stop.is_set,
            starter=self.starter,
        )


def find_gpus(environment: Mapping[str, str] = os.environ) -> list[Gpu]:
    """Find the CUDA devices that this process may use, in CUDA's order; none without an NVIDIA driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    listing = subprocess.run([program, "-L"], capture_output=True, text=True, check=False, timeout=60).stdout
    return visible_gpus(parse_gpus(listing), environment.get("CUDA_VISIBLE_DEVICES"))


def find_memory(gpus: Sequence[Gpu]) -> int | None:
    """The memory, in bytes, that a job can take: of the smallest GPU, or of the machine if there is none.

    None if that is unknown, as of parts of GPUs.
    """
    if not gpus:
        return psutil.virtual_memory().total
    program = shutil.which("nvidia-smi")
    if program is None or any(gpu.is_part for gpu in gpus):
        return None
    query = [program, "--query-gpu=uuid,memory.total", "--format=csv,noheader,nounits"]
    listing = subprocess.run(query, capture_output=True, text=True, check=False, timeout=60).stdout
    sizes = parse_memory(listing)
    return min((sizes[gpu.id] for gpu in gpus if gpu.id in sizes), default=None)


def parse_memory(listing: str) -> dict[str, int]:
    """Read the output of `nvidia-smi --query-gpu=uuid,memory.total`: bytes by the id of the GPU."""
    return {match["id"]: int(match["size"]) * 2**20 for match in _MEMORY.finditer(listing)}


def parse_gpus(listing: str) -> list[Gpu]:
    """Read the output of `nvidia-smi -L`. A GPU that is divided is replaced by its parts."""
    gpus: list[Gpu] = []
    divided = ""
    for line in listing.splitlines():
        if match := _GPU.match(line):
            gpus.append(Gpu(match["id"], match["name"]))
        elif (match := _PART.match(line)) and gpus:
            if not gpus[-1].is_part:
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


def _describe(gpus: Sequence[Gpu]) -> str:
    names = [gpu.name for gpu in gpus]
    counted = (f"{names.count(name)} x {name}" if names.count(name) > 1 else name for name in dict.fromkeys(names))
    return ", ".join(counted) or f"CPU ({plural(n_cpus(), 'core')})"
