"""Write the files of an export: into a folder, or into a ZIP archive, which is streamed."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED

from zipstream import ZipStream

from deeplab.errors import OutputError
from deeplab.files import make_folder, printable, replace_file
from worker.jobs.exports.members import Member


def stream_zip(members: Iterable[Member]) -> Iterator[bytes]:
    """Yield a ZIP archive part by part. Memory grows with the files' names alone, which end the archive."""
    archive = ZipStream(sized=False)
    for member in members:
        kind = ZIP_DEFLATED if member.is_text else ZIP_STORED  # PNG is compressed already
        archive.add(member.content, printable(member.name), compress_type=kind)
        yield from archive.all_files()
    yield from archive.finalize()


def write_zip(members: Iterable[Member], path: Path) -> int:
    """Write a ZIP archive, whole or not at all, and count the files in it.

    Raises:
        OutputError: if it cannot be written.
    """
    make_folder(path.parent)
    counted = _Counted(members)
    with replace_file(path) as file:
        for part in stream_zip(counted):
            file.write(part)
    return counted.n


def write_folder(members: Iterable[Member], folder: Path) -> int:
    """Write files into a folder, which must not exist or be empty, and count them.

    Raises:
        OutputError: if the folder holds something, or a file cannot be written.
    """
    make_folder(folder)
    if any(folder.iterdir()):
        raise OutputError(f"{printable(folder)}: is not empty; choose another folder for the export.")
    counted = _Counted(members)
    for member in counted:
        path = folder / member.name
        make_folder(path.parent)
        with replace_file(path) as file:
            for part in member.content:
                file.write(part)
    return counted.n


class _Counted:
    """Counts files as they are taken."""

    def __init__(self, members: Iterable[Member]) -> None:
        self._members = members
        self.n = 0

    def __iter__(self) -> Iterator[Member]:
        for member in self._members:
            self.n += 1
            yield member
