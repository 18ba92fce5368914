"""Threads that do something again and again until they are stopped."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Self


class Repeating(ABC):
    """A thread that takes step after step, from `start` to `stop` or while a block runs."""

    def __init__(self, name: str, *, patience: float = 2) -> None:
        """Prepare the thread.

        Args:
            name: of the thread.
            patience: seconds that `stop` waits for the current step, which may hang in the database.
        """
        self._patience = patience
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def is_running(self) -> bool:
        """Whether it was started, and has yet to end."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the loop."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current step."""
        self._ended.set()
        if self.is_running:
            self._thread.join(self._patience)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @abstractmethod
    def _take_steps(self) -> Iterator[float]:
        """Take the steps; yield between them how many seconds to pause."""

    def _run(self) -> None:
        for pause in self._take_steps():
            if self._ended.wait(pause):
                return
