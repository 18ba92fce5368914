"""Folders of what can be made again: when they take too much, those files go that nobody has used for longest."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from deeplab.files import delete_file

FILLED_AGAIN = 0.8  # of the limit, after the oldest were deleted
_KEPT_SECONDS = 60  # what was used so recently is not deleted


def find_oldest(folder: Path, limit: int) -> list[tuple[Path, int]]:
    """The files, with their sizes, that are to go so that a folder is well below a limit of bytes; none if it is."""
    files = sorted(_list_files(folder))
    total = sum(size for _, size, _ in files)
    if total <= limit:
        return []
    found = []
    for used_at, size, path in files:
        if total <= FILLED_AGAIN * limit or used_at > time.time() - _KEPT_SECONDS:
            break
        found.append((Path(path), size))
        total -= size
    return found


def discard_oldest(folder: Path, limit: int) -> None:
    """Delete what `find_oldest` finds."""
    for path, _ in find_oldest(folder, limit):
        delete_file(path)


def _list_files(folder: Path) -> Iterator[tuple[float, int, str]]:
    """Time of use, size and path of every file; locks aside."""
    with suppress(FileNotFoundError):
        for part in os.scandir(folder):
            if part.is_dir():
                for entry in os.scandir(part):
                    with suppress(FileNotFoundError):  # another process deletes, too
                        status = entry.stat()
                        yield status.st_mtime, status.st_size, entry.path
