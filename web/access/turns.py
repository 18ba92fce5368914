"""Turns to decode images: few are decoded at a time, by all processes that serve a home, and few requests wait for it.

A decoded image can take hundreds of megabytes, and the threads that wait are missing elsewhere.
"""

import fcntl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

from deeplab.errors import DeepLabError
from deeplab.files import make_folder
from worker.jobs import storage
from worker.jobs.settings import Settings

AT_ONCE = 1  # images that are decoded at a time
WAITING = 6  # requests of a process that decode or wait for it; the web server has 8 threads for images
PATIENCE_SECONDS = 10.0  # of a request that waits
_LOOK_SECONDS = 0.02  # between two looks whether a turn is free

_places = threading.BoundedSemaphore(WAITING)


class NoTurnError(DeepLabError):
    """Too many images are to be decoded at once."""

    def __init__(self) -> None:
        super().__init__("Many images are being made ready to be shown; try again in a moment.")


@contextmanager
def turn_to_decode(settings: Settings) -> Iterator[None]:
    """Wait until it is this request's turn to decode an image, and keep the turn for the block.

    Args:
        settings: name the home folder, whose web servers share the turns.

    Raises:
        NoTurnError: if many wait already, or it takes too long.
        OutputError: if the home folder cannot be written.
    """
    if not _places.acquire(blocking=False):
        raise NoTurnError
    try:
        with ExitStack() as stack:
            folder = storage.turns_dir(settings)
            make_folder(folder)
            files = [stack.enter_context((folder / str(number)).open("ab")) for number in range(AT_ONCE)]
            _wait_for_any(files, time.monotonic() + PATIENCE_SECONDS)
            yield
    finally:
        _places.release()


def _wait_for_any(files: Sequence[BinaryIO], deadline: float) -> None:
    """Lock one of the files, which the kernel unlocks when it is closed, or with its process."""
    while not any(map(_try_lock, files)):
        if time.monotonic() > deadline:
            raise NoTurnError
        time.sleep(_LOOK_SECONDS)


def _try_lock(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
