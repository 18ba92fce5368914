"""The copies in mirrors: whether one is as storage has it, and which make room for others. Torch-free.

Copies cannot be written to, by which they are told from files that were not sent; the oldest are deleted where they
take too much room.
"""

import errno
import math
import os
import stat
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deeplab.mirrors import Mirror, mounted
from deeplab.remote_storage import ask, status_in, status_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

KNOWN_SECONDS = 60.0  # that what storage said of a file counts

_KEPT_SECONDS = 120.0  # after its last use in which a copy is never deleted: somebody may be about to open it
_SHARE = 0.1  # of the room for copies that a process adds before it looks how much they take


class _Copies:
    """What this process knows of its copies."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.compared_at: dict[Path, float] = {}
        self.n_added = 0  # bytes since the last look at all copies
        self.downloads = [threading.Lock() for _ in range(64)]


_copies = _Copies()


def require_copy(path: Path, mirror: Mirror) -> None:
    """Let there be a copy of a file, as storage has it now, unless the file itself waits there to be sent.

    Raises:
        OSError: if storage has none, or it must not be read.
        StorageAwayError: if the storage did not answer all the time.
    """
    if not _is_current(path, mirror):
        with _copies.downloads[hash(path) % 64]:  # several threads want one file, which one of them fetches
            if not _is_current(path, mirror):
                _download(path, mirror.url_of(path))


def make_copy(path: Path, n_bytes: int) -> None:
    """Let a file of so many bytes, which was sent, be a copy from now on."""
    path.chmod(0o400)
    _count(n_bytes)


def _is_current(path: Path, mirror: Mirror) -> bool:
    """Whether there is a copy of a file, or the file itself that was not sent yet, as storage has it."""
    try:
        here = path.stat()
    except FileNotFoundError:
        return False
    is_copy = not here.st_mode & stat.S_IWUSR
    if is_copy and not mirror.constant and time.monotonic() > _copies.compared_at.get(path, -math.inf) + KNOWN_SECONDS:
        if status_of(mirror.url_of(path)) != (here.st_size, here.st_mtime):
            return False
        _copies.compared_at[path] = time.monotonic()
    if is_copy:
        with suppress(OSError):  # others may have deleted or replaced it
            os.utime(path, (time.time(), here.st_mtime))
    return True


def _download(path: Path, url: str) -> None:
    draft = path.with_name(f".{uuid.uuid4().hex}.tmp")

    def get(system: "AbstractFileSystem", key: str) -> dict[str, Any]:
        info: dict[str, Any] = system.info(key)
        if info["type"] == "directory":
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), url)
        system.get_file(key, str(draft))
        return info

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        info = ask(url, get)
        n_bytes, modified = status_in(info)
        os.utime(draft, (time.time(), modified))
        draft.chmod(0o400)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _copies.compared_at[path] = time.monotonic()
    _count(n_bytes)


def _count(n_bytes: int) -> None:
    """Count what copies take more, and now and then delete the oldest."""
    most = mounted().most_bytes
    with _copies.lock:
        _copies.n_added += n_bytes
        if _copies.n_added < _SHARE * most:
            return
        _copies.n_added = 0
    _delete_oldest(most)


def _delete_oldest(most: int) -> None:
    folders = [each.folder for each in mounted().mirrors]
    copies = sorted((used, size, path) for folder in folders for path, size, used in _list_copies(folder))
    left = sum(size for _, size, _ in copies)
    for used, size, path in copies:
        if left <= (1 - _SHARE) * most or used > time.time() - _KEPT_SECONDS:
            return
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108  (of many texts)
            left -= size


def _list_copies(folder: Path) -> Iterator[tuple[str, int, float]]:
    """The copies below a folder: path, bytes, and when it was used."""
    for where, _, names in os.walk(folder):
        for name in names:
            path = f"{where}/{name}"
            with suppress(OSError):
                found = os.stat(path)  # noqa: PTH116  (of many texts)
                if not found.st_mode & stat.S_IWUSR:
                    yield path, found.st_size, found.st_atime
