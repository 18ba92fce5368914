"""Threads that share the phases of one image. Kernels release the interpreter's lock, so plain threads suffice."""

import functools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self


class Team:
    """A context with `n_threads` threads, the caller's own among them.

    Threads are started for each use: that costs far less than one image, and nothing is left behind that a fork of
    the process could find half alive.
    """

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads
        self._pool = ThreadPoolExecutor(n_threads - 1) if n_threads > 1 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def run(self, tasks: Sequence[Callable[[], object]]) -> None:
        """Run all tasks, the calling thread helping, and wait for the last; the first error is raised."""
        if self._pool is None or len(tasks) < 2:
            for task in tasks:
                task()
            return
        first, *others = tasks
        queued = [(self._pool.submit(task), task) for task in others]
        try:
            first()
            for future, task in reversed(queued):
                if future.cancel():  # not begun yet: no reason to wait for another thread
                    task()
        finally:
            for future, _ in queued:
                if not future.cancelled():
                    future.result()

    def over(self, work: Callable[[int, int], object], ranges: Iterable[tuple[int, int]]) -> None:
        """Run `work(first, last)` for each range."""
        self.run([functools.partial(work, first, last) for first, last in ranges])

    def share(self, work: Callable[[int, int], object], size: int) -> None:
        """Run `work(first, last)` over equal parts of 0..size - 1."""
        self.over(work, even_ranges(size, self.n_threads))


def even_ranges(size: int, parts: int) -> list[tuple[int, int]]:
    """Split 0..size - 1 into at most `parts` ranges of nearly equal length, none empty."""
    parts = max(1, min(parts, size))
    bounds = [size * part // parts for part in range(parts + 1)]
    return [(bounds[part], bounds[part + 1]) for part in range(parts)]
