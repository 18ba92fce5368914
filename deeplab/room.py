"""Whether there is room on a disk, looked at before something large is begun. Torch-free."""

import errno
import os
import shutil
from pathlib import Path

from deeplab.errors import OutputError
from deeplab.files import printable
from deeplab.formats import size

SPARE_BYTES = 16_000_000  # that a large file leaves free on its disk, for the small ones beside it


def free_bytes(path: Path) -> int:
    """The bytes that this user may still write on the disk of a path, which need not exist yet. Raises OSError."""
    while not path.exists() and path.parent != path:
        path = path.parent
    return shutil.disk_usage(path).free


def find_free_bytes(path: Path) -> int | None:
    """The same as `free_bytes`; None if the disk cannot be looked at."""
    try:
        return free_bytes(path)
    except OSError:
        return None


def require_room(path: Path, n_bytes: int, *, spare: int = SPARE_BYTES) -> None:
    """Refuse to begin a file that would leave no room on its disk.

    Args:
        path: of the file, or of a folder.
        n_bytes: how many it will take.
        spare: how many are to be left then.

    Raises:
        OutputError: if it would; its cause is ENOSPC, as that of a write that fails for lack of room.
    """
    try:
        free = free_bytes(path)
    except OSError as error:
        raise OutputError(f"{printable(path)}: cannot be looked at: {error.strerror}.") from error
    if free < n_bytes + spare:
        lack = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise OutputError(
            f"{printable(path)}: {lack.strerror}: {size(n_bytes + spare)} are needed, {size(free)} are free."
        ) from lack
