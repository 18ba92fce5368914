"""What people upload, until a job takes it: an archive, or files in folders, each upload in a folder of its own."""

import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sqlalchemy import select
from sqlalchemy.orm import Session

from deeplab import remote
from deeplab.errors import DeepLabError, OutputError
from deeplab.files import flush_to_disk, is_plain, make_folder, printable
from deeplab.formats import shortened
from deeplab.mirrors import local_path
from worker.jobs import storage
from worker.jobs.catalog import QUEUED, RUNNING
from worker.jobs.settings import Settings
from worker.jobs.tables import JobRow

KEPT_SECONDS = 86_400.0  # after which an upload may go that no job waits for
TAKERS = ("import", "register", "try")  # kinds of jobs that take what was uploaded
_ID = re.compile("[0-9a-f]{32}")
_LONGEST_PART = 200  # bytes of the name of a file or folder
_DEEPEST = 20  # folders in each other


class UploadError(DeepLabError):
    """Something that was uploaded cannot be used, or is not there."""


@dataclass(frozen=True)
class Upload:
    """What was uploaded at once."""

    id: str
    n_files: int
    n_bytes: int


def begin(settings: Settings) -> Path:
    """Make the folder of an upload on its way; `finish` gives it its place. Raises OutputError if that fails."""
    folder = storage.uploads_dir(settings) / f".{uuid.uuid4().hex}"
    make_folder(folder)
    return folder


def place_in(folder: Path, name: str) -> Path:
    """Where a file of an upload goes: below its folder, whatever a browser says.

    Args:
        folder: of the upload.
        name: of the file, with the folders that it lies in.

    Raises:
        UploadError: if the name leads out, is no plain text, too long or too deep, or another file has it.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    is_good = parts and len(parts) <= _DEEPEST and all(_is_good(part) for part in parts)
    if not is_good:
        raise UploadError(
            f"{shortened(name)} cannot be the name of a file; expected folders and a name of plain text, that leads"
            " nowhere else."
        )
    path = folder.joinpath(*parts)
    if path.exists():
        raise UploadError(f"{shortened(name)} was sent twice; expected a name of its own for each file.")
    make_folder(path.parent)
    return path


def finish(settings: Settings, folder: Path) -> Upload:
    """Give a complete upload its place, flushed to disk. Raises OutputError if it cannot be written."""
    sizes = []
    try:
        for path in _files_in(folder):
            flush_to_disk(path)
            sizes.append(path.stat().st_size)
        found = Upload(folder.name.removeprefix("."), len(sizes), sum(sizes))
        place = folder.with_name(found.id)
        folder.replace(place)
        flush_to_disk(place.parent)
    except OSError as error:
        raise OutputError(f"{printable(folder)}: cannot be written: {error.strerror}.") from error
    remote.send_tree(place)
    return found


def find(settings: Settings, upload_id: str) -> Path:
    """What an import reads of an upload: its one file, or its folder.

    Raises:
        UploadError: if there is no such upload, or no more.
    """
    folder = _folder_of(settings, upload_id)
    files = list(_walk(folder)) if remote.is_folder(folder) else []
    if not files:
        raise UploadError(f"There is no upload {shortened(upload_id)}; it was imported already, or is too old.")
    remote.fetch_all(files)
    return files[0] if len(files) == 1 and files[0].parent == folder else folder


def discard(settings: Settings, upload_id: str) -> None:
    """Delete an upload; what cannot be deleted stays, and a log says so."""
    storage.discard_folder(_folder_of(settings, upload_id))


def discard_file(settings: Settings, path: str) -> None:
    """Delete the upload that a file belongs to, if it belongs to one."""
    folder = local_path(path).parent
    if folder.parent == storage.uploads_dir(settings):
        discard(settings, folder.name)


def without_folders(settings: Settings, sentence: str) -> str:
    """A sentence about files that were uploaded, which calls them as their senders do."""
    folders = re.escape(f"{storage.uploads_dir(settings)}/")
    return re.sub(f"{folders}{_ID.pattern}/", "", sentence)


def find_stale(session: Session, settings: Settings) -> Iterator[Path]:
    """Uploads, and parts of them, that are a day old and that no job waits for."""
    folder = storage.uploads_dir(settings)
    waiting = select(JobRow.spec).where(JobRow.kind.in_(TAKERS), JobRow.state.in_((QUEUED, RUNNING)))
    named = [str(value) for spec in session.scalars(waiting) for value in spec.values()]
    awaited = {found for text in named for found in _ID.findall(text)}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name not in awaited and path.stat().st_mtime < time.time() - KEPT_SECONDS:
            yield path


def _folder_of(settings: Settings, upload_id: str) -> Path:
    if not _ID.fullmatch(upload_id):
        raise UploadError(f"{shortened(upload_id)} is not the id of an upload.")
    return storage.uploads_dir(settings) / upload_id


def _is_good(part: str) -> bool:
    return part not in ("..", "/") and is_plain(part) and 0 < len(part.encode()) <= _LONGEST_PART


def _files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _walk(folder: Path) -> Iterator[Path]:
    for entry in remote.scan(folder):
        path = folder / entry.name
        if entry.is_dir():
            yield from _walk(path)
        elif entry.is_file():
            yield path
