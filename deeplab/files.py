"""Files that exist whole or not at all, and names of files in sentences. Torch-free."""

import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from deeplab.errors import OutputError

_log = logging.getLogger(__name__)


@contextmanager
def replace_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file so that at every moment, a crash included, `path` holds its old content or all of the new one.

    The content goes to a hidden file beside `path`, is flushed to disk, and takes the name when the block ends well.

    Raises:
        OutputError: if the file cannot be written; nothing is left behind then.
    """
    draft = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with draft.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        _discard(draft)
        raise OutputError(f"{printable(path)}: cannot be written: {error.strerror or error}.") from error
    except BaseException:
        _discard(draft)
        raise


def delete_file(path: Path) -> None:
    """Delete a file, if it is there. One that cannot be deleted stays, with a warning: it costs nothing but space."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("%s: cannot be deleted: %s.", printable(path), error.strerror or error)


def make_folder(path: Path) -> None:
    """Create a folder and its parents, unless it is there.

    Raises:
        OutputError: if it cannot be created or something else has its name.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{printable(path)}: the folder cannot be created: {error.strerror or error}.") from error


def real_path(path: Path | str) -> Path:
    """An absolute path with links followed as far as they lead somewhere; nothing needs to exist.

    In place of Path.resolve, which raises RuntimeError for a loop of links before Python 3.13 and no longer does then.
    """
    return Path(os.path.realpath(path))


def printable(path: Path | str) -> str:
    """A path for sentences and logs: bytes that are not UTF-8 appear as `\\xff`."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _discard(draft: Path) -> None:
    with suppress(OSError):
        draft.unlink()
