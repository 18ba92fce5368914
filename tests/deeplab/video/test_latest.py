import threading
from collections.abc import Generator

import pytest

from deeplab.video.latest import latest


def test_only_the_newest_item_is_kept() -> None:
    wanted, sent, rest = threading.Event(), threading.Event(), threading.Event()

    def items() -> Generator[int, None, None]:
        yield 0
        wanted.wait(10)
        yield from range(1, 100)
        sent.set()
        rest.wait(10)

    newest = latest(items())
    assert next(newest) == 0
    wanted.set()
    assert sent.wait(10)
    assert next(newest) == 99
    rest.set()
    assert list(newest) == []


def test_the_items_are_closed_in_the_thread_that_draws_them() -> None:
    threads = []

    def items() -> Generator[int, None, None]:
        try:
            while True:
                yield 0
        finally:
            threads.append(threading.current_thread())

    newest = latest(items())
    assert next(newest) == 0
    newest.close()
    (closer,) = threads
    assert closer is not threading.current_thread()
    assert not closer.is_alive()


def test_an_error_is_raised_where_the_items_are_taken() -> None:
    def items() -> Generator[int, None, None]:
        yield 0
        raise ZeroDivisionError

    newest = latest(items())
    with pytest.raises(ZeroDivisionError):
        list(newest)
