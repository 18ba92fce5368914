"""The newest item of a stream, for a consumer that cannot keep up. Torch-free."""

import threading
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Queue
from typing import Generic, TypeVar

Item = TypeVar("Item")

_JOIN_SECONDS = 5.0  # that the thread has to notice that nobody wants more items


def latest(items: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """Yield the newest item whenever one is wanted; those that came while the consumer was busy are dropped.

    A thread of its own draws the items, and closes the generator in the end. An exception in it is raised here.
    """
    slot: _Slot[Item | _End] = _Slot()
    stop = threading.Event()

    def draw() -> None:
        error: Exception | None = None
        try:
            for item in items:
                slot.put(item)
                if stop.is_set():
                    break
            items.close()
        except Exception as raised:
            error = raised
        slot.put(_End(error))

    thread = threading.Thread(target=draw, name="latest", daemon=True)
    thread.start()
    try:
        while not isinstance(item := slot.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        thread.join(_JOIN_SECONDS)


@dataclass(frozen=True)
class _End:
    error: Exception | None


class _Slot(Generic[Item]):
    """Room for one item; a newer one replaces it. For one producer."""

    def __init__(self) -> None:
        self._queue: Queue[Item] = Queue(maxsize=1)
        self.get = self._queue.get

    def put(self, item: Item) -> None:
        with suppress(Empty):
            self._queue.get_nowait()
        self._queue.put(item)
