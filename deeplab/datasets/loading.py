"""Samples and batches, read ahead by other processes."""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import wait
from types import FrameType
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from deeplab.confinement import readable_folders
from deeplab.datasets.retry import read_patiently
from deeplab.datasets.sample import Sample
from deeplab.datasets.split import SplitDataset
from deeplab.datasets.stream import TrainingStream
from deeplab.errors import DeepLabError, ProcessDiedError
from deeplab.mirrors import mounted
from deeplab.processes import n_cpus, start_pool_worker

_log = logging.getLogger(__name__)
_WORKERS_PER_CPU = 4

Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)
Batch = tuple[Tensor, Tensor]


def training_batches(
    stream: TrainingStream,
    batch_size: int,
    *,
    first: int,
    last: int,
    n_workers: int,
    pin_memory: bool,
    share: range | None = None,
) -> Generator[Batch, None, None]:
    """Read the batches `first` to `last` - 1 of a run.

    Args:
        stream: where the samples come from.
        batch_size: samples per batch.
        first: number of the first batch, counted from the beginning of the run.
        last: number of the batch after the last one.
        n_workers: processes that read; 0 reads in this one.
        pin_memory: whether the tensors are for a GPU.
        share: the places in each batch that this process reads, where several share it; None: all.

    Yields:
        Images (N, 3, crop, crop) float32 and label maps (N, crop, crop) uint8.

    Raises:
        DatasetError, ImageError: at the batch with a sample that cannot be read.
    """
    share = range(batch_size) if share is None else share
    positions = ([number * batch_size + place for place in share] for number in range(first, last))
    loader = DataLoader(
        _Readable(stream),
        batch_sampler=positions,
        collate_fn=_stack,
        pin_memory=pin_memory,
        **_settings(n_workers),
    )
    return _raise_failures(loader)


def evaluation_samples(dataset: SplitDataset, n_workers: int) -> Generator[Sample, None, None]:
    """Read all samples in order. Raises DatasetError or ImageError at one that cannot be read."""
    return read_in_order(dataset, n_workers)


def read_in_order(items: "Indexed[Item]", n_workers: int) -> Generator[Item, None, None]:
    """Read all items in order. Raises the DeepLabError of one that cannot be read."""
    loader = DataLoader(_Readable(items), batch_size=None, collate_fn=_keep, **_settings(n_workers))
    return _raise_failures(loader)


class Indexed(Protocol[Item_co]):
    """What is read by its place, such as a SplitDataset; one that is read in order also has a length."""

    def __getitem__(self, index: int, /) -> Item_co: ...


class _Readable(Dataset[Item | DeepLabError]):
    """Samples that return their error where they cannot be read, for the loop to raise.

    An error that may pass is waited for first (see `read_patiently`). An exception raised in a worker process would
    arrive with the worker's traceback in its text.
    """

    def __init__(self, dataset: "Indexed[Item]") -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type] # asked only of what is read in order

    def __getitem__(self, key: int) -> Item | DeepLabError:
        try:
            return read_patiently(lambda: self.dataset[key])
        except DeepLabError as error:
            return error


def _settings(n_workers: int) -> dict[str, Any]:
    # Its own generator, so that starting a loader does not advance the random state of the training.
    settings: dict[str, Any] = {"generator": torch.Generator(), "num_workers": _bounded(n_workers)}
    if n_workers:
        # Spawned, because forking a process that runs CUDA and threads can hang.
        start = partial(start_pool_worker, readable=readable_folders(), parent_pid=os.getpid(), mirrors=mounted())
        settings |= {"multiprocessing_context": "spawn", "worker_init_fn": start}
    return settings


def _bounded(n_workers: int) -> int:
    """How many processes are started: each takes some hundred MB, and more than a few for each core gain nothing."""
    most = _WORKERS_PER_CPU * n_cpus()
    if n_workers > most:
        _log.warning("DATALOADER.NUM_WORKERS is %d; this machine gets %d, as it has few cores.", n_workers, most)
    return min(n_workers, most)


def _stack(samples: list[tuple[Tensor, Tensor] | DeepLabError]) -> Batch | DeepLabError:
    pairs = []
    for sample in samples:
        if isinstance(sample, DeepLabError):
            return sample
        pairs.append(sample)
    images, label_maps = zip(*pairs, strict=True)
    return torch.stack(images), torch.stack(label_maps)


def _keep(sample: Item) -> Item:
    return sample


def _raise_failures(loader: DataLoader[Any]) -> Generator[Any, None, None]:
    others = set(multiprocessing.active_children())
    batches = iter(loader)
    readers = set(multiprocessing.active_children()) - others
    if readers:
        _hush_deaths()
    try:
        for each in batches:
            if isinstance(each, DeepLabError):
                raise each
            yield each
    except (RuntimeError, ConnectionError, EOFError) as error:  # the latter two where its tensors went with a reader
        if isinstance(error, RuntimeError) and "DataLoader worker" not in str(error):
            raise
        wait([reader.sentinel for reader in readers], timeout=1)
        raise _describe_death([reader.exitcode for reader in readers]) from None


def _hush_deaths() -> None:
    """Let torch's handler of dead children raise nothing: it would do so wherever the main thread is just then, such as
    in a statement of SQL. Who waits for the next batch hears of a death within five seconds.
    """
    tell = signal.getsignal(signal.SIGCHLD)
    if threading.current_thread() is not threading.main_thread() or not callable(tell) or hasattr(tell, "is_hushed"):
        return

    def handle(number: int, frame: FrameType | None) -> None:
        with suppress(RuntimeError):
            tell(number, frame)

    handle.is_hushed = True  # type: ignore[attr-defined]
    signal.signal(signal.SIGCHLD, handle)


def _describe_death(exit_codes: Sequence[int | None]) -> ProcessDiedError:
    """What became of the processes that read; None is the exit code of one that still does."""
    if status := next((code for code in exit_codes if code is not None and code > 0), None):
        return ProcessDiedError(f"A process that reads images ended with exit status {status}.", by_itself=True)
    return ProcessDiedError(
        "A process that reads images was killed, perhaps for lack of memory; lower DATALOADER.NUM_WORKERS."
    )
