"""A `map` over a pool that reads its input no faster than its output is taken. Torch-free."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def bounded_map(
    executor: Executor,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    depth: int,
    *,
    weigh: Callable[[Item], int] = lambda _item: 0,
    budget: int = 0,
) -> Iterator[Result]:
    """Apply a function in the pool and yield the results in the order of the items.

    At most `depth` items are in progress or wait to be taken, so that memory does not grow with the number of items. An
    exception in the function is raised when its item's turn comes; items that were not started are then cancelled.

    With `weigh`, they together weigh at most `budget`, or there is one alone.
    """
    pending: deque[tuple[Future[Result], int]] = deque()
    in_flight = 0
    try:
        for item in items:
            weight = weigh(item)
            while pending and (len(pending) >= depth or in_flight + weight > budget > 0):
                future, done = pending.popleft()
                in_flight -= done
                yield future.result()
            pending.append((executor.submit(function, item), weight))
            in_flight += weight
            if len(pending) >= depth:
                future, done = pending.popleft()
                in_flight -= done
                yield future.result()
        while pending:
            yield pending.popleft()[0].result()
    finally:
        for future, _ in pending:
            future.cancel()
