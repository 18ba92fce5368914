"""Make a folder as a whole or not at all: beside its place, and then renamed. Torch-free."""

import fcntl
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from deeplab.confinement import require_writable
from deeplab.errors import OutputError
from deeplab.files import flush_to_disk, make_folder, printable


def require_empty(target: Path) -> None:
    """Refuse a place where something is already. Raises OutputError."""
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise OutputError(f"{printable(target)}: is not empty; choose another folder for the dataset.")
    except OSError as error:
        raise OutputError(f"{printable(target)}: cannot be read: {error.strerror}.") from error


@contextmanager
def draft_beside(target: Path) -> Iterator[Path]:
    """A hidden folder on the disk of the target, which is deleted at the end of the block, whatever happens in it.

    What a killed process has left of such folders is deleted first.

    Raises:
        OutputError: if the folder cannot be made, or the target is not empty.
    """
    require_empty(target)
    make_folder(target.parent)
    _delete_leftovers(target)
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}.import")
    try:
        require_writable(draft.parent)
        draft.mkdir()
    except OSError as error:
        raise OutputError(f"{printable(target)}: cannot be made: {error.strerror}.") from error
    descriptor = os.open(draft, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # for as long as this process lives: it is no leftover
        yield draft
    finally:
        os.close(descriptor)
        shutil.rmtree(draft, ignore_errors=True)


def publish(folder: Path, target: Path) -> None:
    """Give a complete folder its place.

    Raises:
        OutputError: if something is there by now, or it cannot be renamed.
    """
    try:
        folder.replace(target)
        flush_to_disk(target.parent)
    except OSError as error:
        raise OutputError(f"{printable(target)}: cannot be made: {error.strerror}.") from error


def _delete_leftovers(target: Path) -> None:
    name = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{32}}\.import")
    for folder in target.parent.iterdir():
        if name.fullmatch(folder.name) and _is_free(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_free(folder: Path) -> bool:
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        finally:
            os.close(descriptor)
    return False
