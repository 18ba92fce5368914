"""Work in several processes, as torchrun starts them: share the batches, sum tensors, and stop or fail together."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import zip_longest
from typing import TypeVar

import torch

# Now, and not when an optimizer imports it inside `joined_world`: it takes the group of that moment for its defaults.
# Gloo's threads then outlive the group, and may abort the process while Python ends.
import torch.distributed.nn
from torch import Tensor, distributed
from torch.distributed import TCPStore  # type: ignore[attr-defined] # torch re-exports it only by hand

from deeplab.errors import ConfigError, DeepLabError, ProcessDiedError
from deeplab.models.device import choose_device
from deeplab.processes import die_with_parent
from deeplab.reporter import Stopped

Item = TypeVar("Item")

# How long a process waits for the others: one may be validating or saving. When one dies, torchrun ends them all.
_TIMEOUT = timedelta(days=1)
_OK, _STOPPED, _DIED, _FAILED = range(4)  # from the best to the worst
_CONNECTION_LOST = ("Connection closed by peer", "Connection reset by peer", "Broken pipe")  # in gloo's errors


class ProcessLostError(DeepLabError):
    """Another process of the run ended before its end."""

    def __init__(self) -> None:
        super().__init__("Another process of this run ended; its own output says why.")


@dataclass(frozen=True)
class World:
    """The processes of a run, this one among them. With a single process everything here is free."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that reports and writes files."""
        return self.rank == 0

    def choose_device(self, name: str) -> torch.device:
        """Choose the device of this process by name; several processes use one GPU each.

        Raises:
            DeepLabError: if there is no such device, or there are fewer GPUs than processes.
        """
        if self.size == 1:
            return choose_device(name)
        if name not in ("auto", "cpu", "cuda"):
            raise DeepLabError(f"Several processes use one GPU each; expected auto, cuda or cpu, got {name}.")
        device = choose_device(name)
        if device.type == "cuda":
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            n_gpus = torch.cuda.device_count()
            if device.index >= n_gpus:
                raise DeepLabError(f"Each process needs a GPU of its own; start at most {n_gpus}.")
            torch.cuda.set_device(device)  # where NCCL looks for it
        return device

    def share(self, batch_size: int) -> range:
        """Return the places in a batch that this process computes. Raises ConfigError if the shares are not equal."""
        if batch_size % self.size:
            raise ConfigError(
                f"SOLVER.BATCH_SIZE.TRAIN must be a multiple of the number of processes, {self.size};"
                f" it is {batch_size}."
            )
        n_own = batch_size // self.size
        return range(self.rank * n_own, (self.rank + 1) * n_own)

    def all_reduce_sum(self, values: Tensor) -> Tensor:
        """Replace a tensor, in place, by the sum of those of all processes, and return it."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def any(self, condition: bool) -> bool:
        """Whether a condition is true in at least one process; all must ask."""
        return bool(self.all_reduce_sum(torch.tensor(int(condition))) > 0)

    def gather_in_turn(self, own: list[Item]) -> list[Item]:
        """Return what all processes have, the first of each, then the second of each, and so on; all must ask."""
        if self.size == 1:
            return own
        parts: list[list[Item]] = [[]] * self.size
        distributed.all_gather_object(parts, own)
        return [each for turn in zip_longest(*parts) for each in turn if each is not None]

    @contextmanager
    def together(self) -> Iterator[None]:
        """End the block in the same way in all processes, so that none waits for one that is gone.

        Raises:
            DeepLabError: if the block raised it in any process: this process's own, or that of another.
            Stopped: if the block raised it in any process, and none failed.
        """
        end: DeepLabError | Stopped | None = None
        try:
            yield
        except (DeepLabError, Stopped) as error:
            end = error
        if self.size > 1:
            end = self._agree_on(end)
        if end is not None:
            raise end

    def _agree_on(self, end: DeepLabError | Stopped | None) -> DeepLabError | Stopped | None:
        """Exchange how the block ended in each process; return how it ends in all of them."""
        own = _rate(end)
        worst = torch.tensor(own)
        distributed.all_reduce(worst, distributed.ReduceOp.MAX)
        if worst in (_DIED, _FAILED):
            is_worst = own == int(worst)
            reasons: list[str] = [""] * self.size
            distributed.all_gather_object(reasons, str(end) if is_worst else "")
            of_another = ProcessDiedError if worst == _DIED else DeepLabError
            return end if is_worst else of_another(next(filter(None, reasons)))
        return Stopped() if worst == _STOPPED else None


def _rate(end: DeepLabError | Stopped | None) -> int:
    if isinstance(end, ProcessDiedError):
        return _DIED
    return _OK if end is None else _STOPPED if isinstance(end, Stopped) else _FAILED


ALONE = World()


def open_meeting(n: int) -> tuple[TCPStore, dict[str, str]]:
    """Open a place where `n` processes of this machine can meet, as torchrun does.

    Returns:
        The place, to be kept until all have ended, and the environment variables that lead them there; each process
        needs its RANK and LOCAL_RANK besides.
    """
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    return store, {
        "MASTER_ADDR": store.host,
        "MASTER_PORT": str(store.port),
        "WORLD_SIZE": str(n),
        "TORCHELASTIC_RUN_ID": "deeplab",
        "TORCHELASTIC_RESTART_COUNT": "0",
        "TORCHELASTIC_USE_AGENT_STORE": "True",
    }


@contextmanager
def joined_world() -> Iterator[World]:
    """Connect the processes that torchrun started, inside the block; without torchrun this process is alone.

    Raises:
        ProcessLostError: if the connection to another process is lost, because that ended.
    """
    if not distributed.is_torchelastic_launched():
        yield ALONE
        return
    die_with_parent()
    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=_TIMEOUT)
    try:
        with noticing_losses():
            yield World(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


@contextmanager
def noticing_losses() -> Iterator[None]:
    """Tell lost connections to other processes from other errors inside the block.

    Raises:
        ProcessLostError: if the connection to another process is lost, because that ended.
    """
    try:
        yield
    except RuntimeError as error:
        if not any(sign in str(error) for sign in _CONNECTION_LOST):
            raise
        raise ProcessLostError from error
