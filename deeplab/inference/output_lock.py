"""One at a time fills an output folder: a lock on a file in it, which says who that is. Torch-free."""

import errno
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from deeplab.confinement import require_writable
from deeplab.errors import OutputError
from deeplab.files import make_folder, printable, real_path, visible

LOCK = ".deeplab-lock"  # in an output folder; it stays, because deleting it would let two in at once

_LONGEST_NAME = 500  # bytes of who holds a lock
_POLL_SECONDS = 0.2
_HELD = (errno.EWOULDBLOCK, errno.EACCES)

_log = logging.getLogger(__name__)


@contextmanager
def locked_output(output_dir: Path, holder: str, *, patience: float = 0) -> Iterator[None]:
    """Keep others from filling the same folder, or one within it, at the same time. Makes the folder.

    Args:
        output_dir: the folder.
        holder: who fills it, for the sentence that whoever comes second reads.
        patience: seconds to wait for somebody else, such as an attempt that is being ended elsewhere.

    Raises:
        OutputError: if somebody else is filling it, or it cannot be written.
    """
    make_folder(output_dir)
    deadline = time.monotonic() + patience
    with _open(output_dir / LOCK) as file:
        while True:
            try:
                _require_free_above(output_dir)
                _take(file, output_dir)
                break
            except OutputError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_SECONDS)
        _write(file, holder)
        yield


def require_unfilled(output_dir: Path) -> None:
    """Refuse a folder that somebody is filling, or that lies within such a one. Raises OutputError."""
    for folder in (output_dir, *real_path(output_dir).parents):
        try:
            file = (folder / LOCK).open("rb")
        except OSError:  # nobody has filled it, or it is not ours to look at
            continue
        with file:
            _take(file, folder, shared=True)


def describe_process() -> str:
    """Who this process is, as the holder of a lock."""
    return f"process {os.getpid()} on {os.uname().nodename}"


def _require_free_above(output_dir: Path) -> None:
    above = real_path(output_dir).parent
    if above != real_path(output_dir):
        require_unfilled(above)


def _take(file: BinaryIO, folder: Path, *, shared: bool = False) -> None:
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            raise OutputError(f"{printable(folder)}: {_holder(file)} is filling this folder.") from None
        # Some network file systems do not support locks.
        _log.warning("%s: cannot be locked against a second process: %s", printable(folder), error.strerror)


def _holder(file: BinaryIO) -> str:
    file.seek(0)
    return visible(file.read(_LONGEST_NAME).decode(errors="replace")) or "another process"


def _open(path: Path) -> BinaryIO:
    try:
        require_writable(path.parent)
        return path.open("a+b")  # some network file systems lock only what may be written
    except OSError as error:
        raise OutputError(f"{printable(path)}: cannot be written: {error.strerror}.") from error


def _write(file: BinaryIO, holder: str) -> None:
    """Say who holds the lock. On a full disk nobody does, and the lock holds all the same."""
    try:
        file.truncate(0)
        file.write(holder.encode()[:_LONGEST_NAME])
        file.flush()
    except OSError as error:
        _log.warning("Nobody can read who fills the folder: %s", error.strerror)
