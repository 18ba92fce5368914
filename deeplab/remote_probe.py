"""Whether storage elsewhere answers, and whether it takes files; asked once, without patience. Torch-free."""

from typing import TYPE_CHECKING
from uuid import uuid4

from deeplab.errors import StorageError
from deeplab.remote_storage import OF_BUCKETS, ask, reason_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_WORDS = b"ready"


def require_answer(url: str) -> None:
    """Ask a storage whether its bucket exists, or anything else that it has to answer.

    Raises:
        StorageError: if it cannot be asked, or has no such bucket.
        StorageAwayError: if it does not answer.
    """
    scheme, _, rest = url.partition("://")
    bucket = f"{scheme}://{rest.partition('/')[0]}" if scheme in OF_BUCKETS else None
    try:
        ask(bucket or url, _look if bucket else _exists, seconds=0)
    except OSError as error:
        raise StorageError(f"{bucket or url}: {reason_of(error)}.") from error


def require_writable(url: str) -> None:
    """Write a file below a URL, read it and delete it.

    Raises:
        StorageError: if that cannot be done.
        StorageAwayError: if it does not answer.
    """
    try:
        read = ask(f"{url}/.ready-{uuid4().hex}", _write_and_read, seconds=0)
    except OSError as error:
        raise StorageError(f"{url}: cannot be written: {reason_of(error)}.") from error
    if read != _WORDS:
        raise StorageError(f"{url}: a file that was written just now reads otherwise.")


def _look(system: "AbstractFileSystem", key: str) -> object:
    return system.info(key)


def _exists(system: "AbstractFileSystem", key: str) -> object:
    return system.exists(key)


def _write_and_read(system: "AbstractFileSystem", key: str) -> bytes:
    if system.protocol[0] not in OF_BUCKETS:
        system.makedirs(key.rpartition("/")[0], exist_ok=True)
    system.pipe_file(key, _WORDS)
    try:
        return bytes(system.cat_file(key))
    finally:
        system.rm_file(key)
