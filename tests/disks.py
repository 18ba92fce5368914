"""Disks that are small, and real: a tmpfs, which takes a system administrator to mount."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A folder that is a disk of its own, such as of "2m"; tests that need it are left out where nobody may mount."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs the rights of root")
    try:
        yield folder
    finally:
        os.sync()
        subprocess.run(["/bin/umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, leave: int) -> Path:
    """Fill the disk of a folder but for so many bytes, whoever else writes there; the file that does."""
    path, block = folder / "filling", bytes(65536)
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(block):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        file.truncate(file.tell() - leave)
    return path
