"""Which GPUs of a worker are taken: locks that the kernel releases with the process that holds them."""

import fcntl
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deeplab.formats import plural

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5  # between two looks while GPUs are awaited
_TURNSTILE = 0  # its byte


class GpuLocks:
    """Locks on the bytes of an unnamed file, which a worker's pool processes inherit: one for each share of a GPU.

    Record locks belong to a process, whichever way it came by the file. A GPU has as many shares as jobs may run on it
    at a time, which is one unless the worker has more slots than GPUs. A job for one GPU takes a share, a job for
    several takes all shares of each.

    Who waits for GPUs holds none of them, only the turnstile, through which all have to pass. So nobody can wait for
    somebody who waits, and nobody is overtaken for ever: while a job waits for two GPUs, no other takes the first that
    becomes free.
    """

    def __init__(self, n_gpus: int, n_slots: int) -> None:
        self._file, path = tempfile.mkstemp()  # open as long as the worker runs
        Path(path).unlink()
        self._n_gpus = n_gpus
        self._n_shares = max(1, -(-n_slots // max(n_gpus, 1)))

    @contextmanager
    def held(self, n_gpus: int, among: Sequence[int], is_wanted: Callable[[], bool]) -> Iterator[list[int] | None]:
        """Wait for GPUs and hold them inside the block.

        Args:
            n_gpus: how many, from 1 on.
            among: the numbers of those that can be taken; at least `n_gpus`.
            is_wanted: whether to go on waiting, asked now and then.

        Yields:
            The numbers of the GPUs; None if they were no longer wanted.
        """
        try:
            yield self._await(n_gpus, among, is_wanted)
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)  # the whole file

    def _await(self, n_gpus: int, among: Sequence[int], is_wanted: Callable[[], bool]) -> list[int] | None:
        has_waited = False
        while True:
            if self._try_lock(_TURNSTILE) and (taken := self._try_take(n_gpus, among)):
                self._unlock(_TURNSTILE)
                return taken
            if not is_wanted():
                return None
            if not has_waited:
                _log.info("Waiting for %s to become free.", "a GPU" if n_gpus == 1 else plural(n_gpus, "GPU"))
                has_waited = True
            time.sleep(_LOOK_SECONDS)

    def _try_take(self, n_gpus: int, among: Sequence[int]) -> list[int]:
        """Take GPUs, or nothing if too few are free; behind the turnstile, so that nobody else is taking some."""
        if n_gpus == 1:
            shares = [(gpu, share) for share in range(self._n_shares) for gpu in among]
            return next(([gpu] for gpu, share in shares if self._try_lock(self._byte(gpu, share))), [])
        taken: list[int] = []
        for gpu in among:
            if self._try_take_whole(gpu):
                taken.append(gpu)
            if len(taken) == n_gpus:
                return taken
        for gpu in taken:
            self._give_back(gpu)
        return []

    def _try_take_whole(self, gpu: int) -> bool:
        if all(self._try_lock(self._byte(gpu, share)) for share in range(self._n_shares)):
            return True
        self._give_back(gpu)
        return False

    def _give_back(self, gpu: int) -> None:
        for share in range(self._n_shares):
            self._unlock(self._byte(gpu, share))

    def _byte(self, gpu: int, share: int) -> int:
        return 1 + gpu * self._n_shares + share

    def _try_lock(self, byte: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except (BlockingIOError, PermissionError):  # the standard allows both
            return False
        return True

    def _unlock(self, byte: int) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, byte)
