"""One training by several processes, as torchrun starts them: who they are, what they share and what they agree on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed

from deeplab.errors import ConfigError, DeepLabError
from deeplab.models.device import choose_device
from deeplab.processes import die_with_parent
from deeplab.reporter import Stopped

# How long a process waits for the others. torchrun ends them all when one dies; a slow one may be evaluating or saving.
_PATIENCE = timedelta(days=1)
_FINE, _STOPPED, _FAILED = range(3)
_LOST = ("Connection closed by peer", "Connection reset by peer", "Broken pipe")  # in the errors of gloo


@dataclass(frozen=True)
class World:
    """The processes of a run, of which this is one. To a single process all that is here costs nothing."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes and reports."""
        return self.rank == 0

    def choose_device(self, name: str) -> torch.device:
        """The device of that name for this process; several processes take a GPU each.

        Raises:
            DeepLabError: if there is no such device, or not one for each process.
        """
        if self.size == 1:
            return choose_device(name)
        if name not in ("auto", "cpu", "cuda"):
            raise DeepLabError(f"Several processes take a GPU each; expected the device auto, cuda or cpu, got {name}.")
        device = choose_device(name)
        if device.type == "cuda":
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            n_gpus = torch.cuda.device_count()
            if device.index >= n_gpus:
                raise DeepLabError(f"Each process needs a GPU of its own; start {n_gpus} of them at most, not more.")
            torch.cuda.set_device(device)  # where NCCL looks for it
        return device

    def share(self, batch_size: int) -> range:
        """The samples of a batch that are this process's. Raises ConfigError if there is no equal number for all."""
        if batch_size % self.size:
            raise ConfigError(
                f"SOLVER.BATCH_SIZE.TRAIN must be a multiple of the number of processes, {self.size};"
                f" it is {batch_size}."
            )
        n_own = batch_size // self.size
        return range(self.rank * n_own, (self.rank + 1) * n_own)

    def add_up(self, values: Tensor) -> Tensor:
        """Replace a tensor by the sum of those that all processes give."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    @contextmanager
    def agreement(self) -> Iterator[None]:
        """What ends the block in one process, ends it in all, so that none waits for another that is gone.

        Raises:
            Stopped: if one of them raised it.
            DeepLabError: this process's own, or that of another.
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
        """The end that all processes come to, given that of each."""
        own = _FINE if end is None else _STOPPED if isinstance(end, Stopped) else _FAILED
        worst = torch.tensor(own)
        distributed.all_reduce(worst, distributed.ReduceOp.MAX)
        if worst == _FAILED:
            reasons: list[str] = [""] * self.size
            distributed.all_gather_object(reasons, str(end) if own == _FAILED else "")
            return end if own == _FAILED else DeepLabError(next(filter(None, reasons)))
        return Stopped() if worst == _STOPPED else None


ALONE = World()


@contextmanager
def joined_world() -> Iterator[World]:
    """The processes that torchrun started this one with, in touch with each other inside the block; or this one alone.

    Raises:
        DeepLabError: if another of them ended without a word.
    """
    if not distributed.is_torchelastic_launched():
        yield ALONE
        return
    die_with_parent()
    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=_PATIENCE)
    try:
        yield World(distributed.get_rank(), distributed.get_world_size())
    except RuntimeError as error:
        if not any(sign in str(error) for sign in _LOST):
            raise
        raise DeepLabError("Another process of this training ended; its own output says why.") from error
    finally:
        distributed.destroy_process_group()
