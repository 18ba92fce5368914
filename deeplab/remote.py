"""Files on storage elsewhere: fetched into their mirror before they are read, and sent from there when written.

Storage is whatever fsspec knows, S3 above all. A file is sent whole, under its last name: nothing is renamed there, and
who points to a file does so after it was sent. Copies in a mirror cannot be written to, by which they are told from
files that were not sent; the oldest are deleted where they take too much room. Torch-free; a path in no mirror costs a
comparison.
"""

import errno
import logging
import math
import os
import stat
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from deeplab.errors import StorageAwayError, StorageError
from deeplab.mirrors import Mirror, mirror_of, mounted

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_T = TypeVar("_T")

_log = logging.getLogger(__name__)
for _name in ("botocore", "aiobotocore"):  # which tell of each process where they found its credentials
    logging.getLogger(_name).setLevel(logging.WARNING)
_KNOWN_SECONDS = 60.0  # that a copy counts as it was compared last
_KEPT_SECONDS = 120.0  # after its last use in which a copy is never deleted: somebody may be about to open it
_SHARE = 0.1  # of the room for copies that a process adds before it looks how much they take
_AT_ONCE = 16  # files that are fetched ahead
_LISTED_FOLDERS = 8  # whose contents are remembered
_LONGEST_PAUSE = 10.0  # seconds between two tries
_WITHOUT_FOLDERS = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az")  # where a name may hold `/`
_S3_SETTINGS = {"config_kwargs": {"connect_timeout": 5, "read_timeout": 60}}


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_NETWORK = (
    *("EIO", "EREMOTEIO", "EBUSY", "EAGAIN", "EINTR", "ETIMEDOUT", "ENOTCONN", "EPIPE", "ECONNREFUSED", "ECONNRESET"),
    *("ECONNABORTED", "EHOSTUNREACH", "ENETUNREACH"),
)
_PASSING = (None, *(getattr(errno, name) for name in _NETWORK if hasattr(errno, name)))
_USUAL_WORDS = {FileNotFoundError: os.strerror(errno.ENOENT), PermissionError: "access is denied"}


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


class _Copies:
    """What this process knows of its copies."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.compared_at: dict[Path, float] = {}
        self.n_added = 0  # bytes since the last look at all copies
        self.listed: dict[Path, tuple[float, dict[str, tuple[int, float]]]] = {}  # when, and what by name
        self.downloads = [threading.Lock() for _ in range(64)]


_copies = _Copies()


def fetch(path: Path) -> Path:
    """Let a file be there to be read, if it lies in a mirror; return its path.

    Raises:
        FileNotFoundError: if there is none.
        PermissionError: if it must not be read.
        StorageAwayError: if the storage did not answer all the time.
    """
    mirror = mirror_of(path)
    if mirror is not None and not _is_current(path, mirror):
        with _copies.downloads[hash(path) % 64]:  # several threads want one file, which one of them fetches
            if not _is_current(path, mirror):
                _download(path, mirror.url_of(path))
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
    url, size = mirror.url_of(path), path.stat().st_size

    def put(system: "AbstractFileSystem", key: str) -> None:
        if system.protocol[0] not in _WITHOUT_FOLDERS:
            system.makedirs(key.rpartition("/")[0], exist_ok=True)
        system.put_file(str(path), key)

    try:
        _ask(url, put)
    except FileNotFoundError:
        raise StorageError(f"{url}: cannot be written: there is no such bucket or folder.") from None
    except OSError as error:
        raise StorageError(f"{url}: cannot be written: {_reason(error)}.") from error
    path.chmod(0o400)
    _count(size)


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
            _ask(mirror.url_of(path), lambda system, key: system.rm(key, recursive=True))


def is_file(path: Path) -> bool:
    """Whether a file is there, here or in what its mirror stands for."""
    mirror = mirror_of(path)
    if mirror is None or (mirror.constant and path.is_file()):
        return path.is_file()
    return (found := _find(mirror.url_of(path))) is not None and found["type"] == "file"


def is_folder(path: Path) -> bool:
    """Whether a folder is there, here or in what its mirror stands for."""
    mirror = mirror_of(path)
    if mirror is None:
        return path.is_dir()
    return (found := _find(mirror.url_of(path))) is not None and found["type"] == "directory"


def status(path: Path) -> tuple[int, float]:
    """The bytes of a file and when it was modified: seconds since 1970, by the clock of where it lies.

    Raises:
        OSError: if it cannot be looked at.
    """
    mirror = mirror_of(path)
    if mirror is None or (mirror.constant and path.exists()):
        found = path.stat()
        return found.st_size, found.st_mtime
    return _status_of(_ask(mirror.url_of(path), lambda system, key: system.info(key)))


def status_by_listing(path: Path) -> tuple[int, float]:
    """The same as `status`, for many files of a folder: it is listed once, and again after a minute.

    Raises:
        OSError: if it cannot be looked at.
    """
    if mirror_of(path) is None:
        return status(path)
    listed_at, statuses = _copies.listed.get(path.parent, (-math.inf, {}))
    if time.monotonic() > listed_at + _KNOWN_SECONDS:
        statuses = {each.name: each.status for each in scan(path.parent) if isinstance(each, Entry)}
        while len(_copies.listed) >= _LISTED_FOLDERS:
            _copies.listed.pop(next(iter(_copies.listed)), None)
        _copies.listed[path.parent] = (time.monotonic(), statuses)
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
    key, listed = _ask(url, lambda system, key: (key, system.ls(key, detail=True)))
    for info in listed:
        name = info["name"].rstrip("/").rpartition("/")[2]
        if info["name"].strip("/") != key.strip("/"):  # some stores hold an empty file in place of the folder
            yield Entry(name, f"{folder}/{name}", _status_of(info), info["type"] == "directory")


def _find(url: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = _ask(url, lambda system, key: system.info(key))
    except (FileNotFoundError, PermissionError):
        return None
    return found


def _is_current(path: Path, mirror: Mirror) -> bool:
    """Whether there is a copy of a file, or the file itself that was not sent yet, as storage has it."""
    try:
        here = path.stat()
    except FileNotFoundError:
        return False
    is_copy = not here.st_mode & stat.S_IWUSR
    if is_copy and not mirror.constant and time.monotonic() > _copies.compared_at.get(path, -math.inf) + _KNOWN_SECONDS:
        if status(path) != (here.st_size, here.st_mtime):
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
        info = _ask(url, get)
        n_bytes, modified = _status_of(info)
        os.utime(draft, (time.time(), modified))
        draft.chmod(0o400)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _copies.compared_at[path] = time.monotonic()
    _count(n_bytes)


def _ask(url: str, question: "Callable[[AbstractFileSystem, str], _T]") -> _T:
    """Ask storage something; while it does not answer, ask again with longer and longer pauses.

    Raises:
        OSError: its answer, if that is an error.
        StorageError: if it cannot be asked.
        StorageAwayError: if it did not answer all the time.
    """
    pause, until = 0.5, time.monotonic() + mounted().seconds
    while True:
        try:
            return question(*_open(url))
        except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
            words = error.strerror or _USUAL_WORDS.get(type(error), str(error))
            raise type(error)(error.errno or errno.ENOENT, words, url) from None
        except Exception as error:
            if (sentence := _explain(error)) is not None:
                raise StorageError(f"{url}: {sentence}.") from None
            if isinstance(error, OSError) and error.errno in _NO_ROOM:
                raise StorageAwayError(f"There is no room here for a copy of {url}: {_reason(error)}.") from error
            if isinstance(error, OSError) and error.errno not in _PASSING:
                raise
            if time.monotonic() > until:
                raise StorageAwayError(f"The storage of {url} does not answer: {_reason(error)}.") from None
            _log.warning("%s does not answer, trying again: %s", url, _reason(error))
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def _open(url: str) -> "tuple[AbstractFileSystem, str]":
    import fsspec

    settings = _S3_SETTINGS if url.startswith(("s3://", "s3a://")) else {}
    system, key = fsspec.url_to_fs(url, use_listings_cache=False, **settings)
    return system, key


def _explain(error: Exception) -> str | None:
    """Why storage cannot be asked at all; None: it may answer by and by."""
    name = type(error).__name__
    if name in ("NoCredentialsError", "PartialCredentialsError"):
        return "no credentials were found; expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what AWS uses"
    if isinstance(error, ImportError):
        return f"cannot be used: {_reason(error)}; `pip install deeplab-platform[s3]` brings what s3:// needs"
    if isinstance(error, ValueError | TypeError) or (isinstance(error, OSError) and error.errno == errno.EINVAL):
        return f"cannot be used: {_reason(error)}"
    return None


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(str(text).split()).rstrip(".") or type(error).__name__


def _status_of(info: dict[str, Any]) -> tuple[int, float]:
    """Bytes, and when a file was modified, under whichever name a storage says so; in whole seconds, as some know."""
    found = next((info[name] for name in ("mtime", "LastModified", "last_modified", "updated") if info.get(name)), 0.0)
    return int(info["size"] or 0), float(int(found.timestamp() if isinstance(found, datetime) else found))


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
