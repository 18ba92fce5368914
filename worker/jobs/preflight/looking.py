"""Look at files for a bounded time: a folder can be huge, and a file system can hang for ever."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooSlowError

_MOST_AT_ONCE = 4  # looks of a process; those that hang keep their places, and later ones are not begun
_places = threading.BoundedSemaphore(_MOST_AT_ONCE)


def look_for(seconds: float, look: Callable[[], None]) -> bool:
    """Look in a thread that nobody has to wait for.

    Returns:
        Whether the look has ended; if not, it goes on, and what it finds is lost.

    Raises:
        Exception: what the look raised.
    """
    if not _places.acquire(blocking=False):
        return False
    answer = Future[None]()

    def run() -> None:
        try:
            look()
        except BaseException as error:
            answer.set_exception(error)
        else:
            answer.set_result(None)
        finally:
            _places.release()

    threading.Thread(target=run, daemon=True, name="preflight").start()
    try:
        answer.result(timeout=seconds)
    except TooSlowError:
        return False
    return True
