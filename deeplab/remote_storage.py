"""Ask storage elsewhere: again and again while it does not answer, and with errors as files here have them. Torch-free.

Storage is whatever fsspec knows, S3 above all.
"""

import errno
import logging
import os
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from deeplab.errors import StorageAwayError, StorageError
from deeplab.mirrors import mounted
from deeplab.passing_errors import may_pass

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_T = TypeVar("_T")

_log = logging.getLogger(__name__)
for _name in ("botocore", "aiobotocore"):  # which tell of each process where they found its credentials
    logging.getLogger(_name).setLevel(logging.WARNING)
OF_BUCKETS = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az")  # storage without folders: a name may hold `/`
_LONGEST_PAUSE = 10.0  # seconds between two tries
_S3_SETTINGS = {"config_kwargs": {"connect_timeout": 5, "read_timeout": 60}}
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_USUAL_WORDS = {FileNotFoundError: os.strerror(errno.ENOENT), PermissionError: "access is denied"}


def ask(url: str, question: "Callable[[AbstractFileSystem, str], _T]", *, seconds: float | None = None) -> _T:
    """Ask storage something; while it does not answer, ask again with longer and longer pauses.

    Args:
        url: of a file or folder.
        question: is called with the file system, and with what it calls that file or folder.
        seconds: to go on asking; None: as long as this process does in general.

    Raises:
        OSError: its answer, if that is an error.
        StorageError: if it cannot be asked.
        StorageAwayError: if it did not answer all the time.
    """
    pause, until = 0.5, time.monotonic() + (mounted().seconds if seconds is None else seconds)
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
                raise StorageAwayError(f"There is no room here for a copy of {url}: {reason_of(error)}.") from error
            if isinstance(error, OSError) and error.errno is not None and not may_pass(error):
                raise
            if time.monotonic() >= until:
                raise StorageAwayError(f"The storage of {url} does not answer: {reason_of(error)}.") from None
            _log.warning("%s does not answer, trying again: %s", url, reason_of(error))
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def find(url: str) -> dict[str, Any] | None:
    """What storage says of a URL, as fsspec's `info`; None if there is nothing that may be looked at."""
    try:
        return _info_of(url)
    except (FileNotFoundError, PermissionError):
        return None


def status_of(url: str) -> tuple[int, float]:
    """The bytes of a file and when it was modified, as `status_in`. Raises as `ask`."""
    return status_in(_info_of(url))


def status_in(info: dict[str, Any]) -> tuple[int, float]:
    """Bytes, and when a file was modified, under whichever name a storage says so; in whole seconds, as some know."""
    found = next((info[name] for name in ("mtime", "LastModified", "last_modified", "updated") if info.get(name)), 0.0)
    return int(info["size"] or 0), float(int(found.timestamp() if isinstance(found, datetime) else found))


def reason_of(error: Exception) -> str:
    """Why storage failed, in one line without a full stop."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(str(text).split()).rstrip(".") or type(error).__name__


def _info_of(url: str) -> dict[str, Any]:
    found: dict[str, Any] = ask(url, lambda system, key: system.info(key))
    return found


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
        return f"cannot be used: {reason_of(error)}; `pip install deeplab-platform[s3]` brings what s3:// needs"
    if isinstance(error, ValueError | TypeError) or (isinstance(error, OSError) and error.errno == errno.EINVAL):
        return f"cannot be used: {reason_of(error)}"
    return None
