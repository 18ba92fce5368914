"""Files on storage elsewhere: fetched into their mirror before they are read, and sent from there when written.

A file is sent whole, under its last name: nothing is renamed there, and who points to a file does so after it was sent.
Torch-free; a path in no mirror costs a comparison.
"""

import errno
import math
import os
import time
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deeplab.errors import StorageError
from deeplab.mirrors import mirror_of
from deeplab.remote_copies import KNOWN_SECONDS, make_copy, require_copy
from deeplab.remote_storage import OF_BUCKETS, ask, find, reason_of, status_in, status_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_AT_ONCE = 16  # files that are fetched ahead
_LISTED_FOLDERS = 8  # whose contents are remembered


@dataclass(frozen=True)
class Entry:
    """What a folder on storage elsewhere holds; answers as an `os.DirEntry` does."""

    name: str
    path: str  # in the mirror
    status: tuple[int, float]  # bytes, and when it was modified, as `status` says
    _is_folder: bool

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return self._is_folder

    def is_file(self) -> bool:
        """Whether it is a file."""
        return not self._is_folder

    def is_symlink(self) -> bool:
        """No storage elsewhere has links."""
        return False


_listed: dict[Path, tuple[float, dict[str, tuple[int, float]]]] = {}  # by folder: when, and what by name


def fetch(path: Path) -> Path:
    """Let a file be there to be read, if it lies in a mirror; return its path.

    Raises:
        FileNotFoundError: if there is none.
        PermissionError: if it must not be read.
        StorageAwayError: if the storage did not answer all the time.
    """
    mirror = mirror_of(path)
    if mirror is not None:
        require_copy(path, mirror)
    return path


def fetch_all(paths: Iterable[Path]) -> None:
    """Fetch files side by side, before they are read one after the other; of one that is gone its reader will tell.

    Raises:
        StorageAwayError: if the storage did not answer all the time.
    """
    wanted = [path for path in paths if mirror_of(path) is not None]
    if wanted:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(_fetch_quietly, wanted))


def _fetch_quietly(path: Path) -> None:
    with suppress(OSError):
        fetch(path)


def send(path: Path) -> None:
    """Send a file that was written, if it lies in a mirror.

    Raises:
        StorageError: if the storage refuses it.
        StorageAwayError: if the storage did not answer all the time.
    """
    mirror = mirror_of(path)
    if mirror is None:
        return
    url, n_bytes = mirror.url_of(path), path.stat().st_size

    def put(system: "AbstractFileSystem", key: str) -> None:
        if system.protocol[0] not in OF_BUCKETS:
            system.makedirs(key.rpartition("/")[0], exist_ok=True)
        system.put_file(str(path), key)

    try:
        ask(url, put)
    except FileNotFoundError:
        raise StorageError(f"{url}: cannot be written: there is no such bucket or folder.") from None
    except OSError as error:
        raise StorageError(f"{url}: cannot be written: {reason_of(error)}.") from error
    make_copy(path, n_bytes)


def send_tree(folder: Path) -> None:
    """Send all files of a folder, if it lies in a mirror; raises as `send`."""
    if mirror_of(folder) is not None:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            send(path)


def remove(path: Path) -> None:
    """Delete what storage holds of a file or a folder in a mirror; the copies stay. Nothing if it holds nothing.

    Raises:
        OSError: if it must not be deleted.
        StorageAwayError: if the storage did not answer all the time.
    """
    mirror = mirror_of(path)
    if mirror is not None:
        with suppress(FileNotFoundError):
            ask(mirror.url_of(path), lambda system, key: system.rm(key, recursive=True))


def list_files(folder: Path) -> Iterator[tuple[Path, int]]:
    """List what storage holds below a folder in a mirror, however deep: paths and bytes; nothing for other folders.

    Raises:
        OSError: if it must not be listed.
        StorageAwayError: if the storage did not answer all the time.
    """
    mirror = mirror_of(folder)
    if mirror is None:
        return
    try:
        key, found = ask(mirror.url_of(folder), lambda system, key: (key, system.find(key, detail=True)))
    except FileNotFoundError:
        return
    for name, info in found.items():
        yield folder / name.strip("/").removeprefix(key.strip("/")).strip("/"), status_in(info)[0]


def is_file(path: Path) -> bool:
    """Whether a file is there, here or in what its mirror stands for."""
    mirror = mirror_of(path)
    if mirror is None or (mirror.constant and path.is_file()):
        return path.is_file()
    return (found := find(mirror.url_of(path))) is not None and found["type"] == "file"


def is_folder(path: Path) -> bool:
    """Whether a folder is there, here or in what its mirror stands for."""
    mirror = mirror_of(path)
    if mirror is None:
        return path.is_dir()
    return (found := find(mirror.url_of(path))) is not None and found["type"] == "directory"


def status(path: Path) -> tuple[int, float]:
    """The bytes of a file and when it was modified: seconds since 1970, by the clock of where it lies.

    Raises:
        OSError: if it cannot be looked at.
    """
    mirror = mirror_of(path)
    if mirror is None or (mirror.constant and path.exists()):
        found = path.stat()
        return found.st_size, found.st_mtime
    return status_of(mirror.url_of(path))


def status_by_listing(path: Path) -> tuple[int, float]:
    """The same as `status`, for many files of a folder: it is listed once, and again after a minute.

    Raises:
        OSError: if it cannot be looked at.
    """
    if mirror_of(path) is None:
        return status(path)
    listed_at, statuses = _listed.get(path.parent, (-math.inf, {}))
    if time.monotonic() > listed_at + KNOWN_SECONDS:
        statuses = {each.name: each.status for each in scan(path.parent) if isinstance(each, Entry)}
        while len(_listed) >= _LISTED_FOLDERS:
            _listed.pop(next(iter(_listed)), None)
        _listed[path.parent] = (time.monotonic(), statuses)
    if path.name not in statuses:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return statuses[path.name]


def scan(folder: Path) -> "Generator[os.DirEntry[str] | Entry]":
    """List what a folder holds, here or in what its mirror stands for, in no order.

    Raises:
        OSError: if it cannot be listed.
    """
    mirror = mirror_of(folder)
    if mirror is None:
        with os.scandir(folder) as found:
            yield from found
        return
    url = mirror.url_of(folder)
    key, listed = ask(url, lambda system, key: (key, system.ls(key, detail=True)))
    for info in listed:
        name = info["name"].rstrip("/").rpartition("/")[2]
        if info["name"].strip("/") != key.strip("/"):  # some stores hold an empty file in place of the folder
            yield Entry(name, f"{folder}/{name}", status_in(info), info["type"] == "directory")
