"""What people upload, until a job takes it: an archive, or files in folders, each upload in a folder of its own.

An upload comes in parts, each a request of bounded size, which the web server writes into a hidden folder; once it is
complete, the folder is renamed.
"""

import fcntl
import json
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

from sqlalchemy import select
from sqlalchemy.orm import Session

from deeplab import remote
from deeplab.errors import DeepLabError, OutputError
from deeplab.files import delete_file, flush_to_disk, is_plain, make_folder, printable, write_text
from deeplab.formats import shortened
from deeplab.mirrors import local_path
from deeplab.room import require_room
from worker.jobs import storage
from worker.jobs.catalog import QUEUED, RUNNING
from worker.jobs.ownership.room import least_bytes
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
    """What was uploaded at once, or is to be."""

    id: str
    n_files: int
    n_bytes: int


def begin(settings: Settings, n_files: int, n_bytes: int) -> Upload:
    """Make the folder of an upload that is on its way; `finish` gives it its place.

    Args:
        settings: of the platform.
        n_files: how many files will come.
        n_bytes: how many bytes they have together.

    Raises:
        UploadError: if that is more than the settings allow.
        OutputError: if there is no room for it.
    """
    most_bytes = settings.upload_mb * 1_000_000
    if n_files > settings.upload_files or n_bytes > most_bytes:
        raise UploadError(
            f"An upload of {n_files:,} files and {n_bytes:,} bytes is too large; the limits are"
            f" {settings.upload_files:,} files and {most_bytes:,} bytes."
        )
    require_room(storage.uploads_dir(settings), n_bytes, spare=least_bytes(settings))
    begun = Upload(uuid.uuid4().hex, n_files, n_bytes)
    make_folder(_draft_of(settings, begun.id))
    write_text(_state_of(settings, begun.id), json.dumps(asdict(replace(begun, n_files=0, n_bytes=0))))
    write_text(_plan_of(settings, begun.id), json.dumps(asdict(begun)))
    return begun


def append(settings: Settings, upload_id: str, name: str, offset: int, content: bytes) -> int:
    """Write a part of a file of an upload; a part may be sent again.

    Args:
        settings: of the platform.
        upload_id: of an upload that was begun.
        name: of the file, with the folders that it lies in.
        offset: where in the file the part begins: at its end so far, or before.
        content: of the part.

    Returns:
        How many bytes the file has now.

    Raises:
        UploadError: if there is no such upload, the name is no good, parts are missing, or it is more than was said.
        OutputError: if there is no room for it, or it cannot be written.
    """
    folder = _draft_of(settings, upload_id)
    plan = _read(_plan_of(settings, upload_id), upload_id)
    try:
        with _counting(settings, upload_id) as so_far:
            path = place_in(folder, name)
            before = path.stat().st_size if path.exists() else None
            if offset > (before or 0):
                raise UploadError(
                    f"{shortened(name)} has {before or 0:,} bytes so far, but a part begins at {offset:,}."
                )
            after = offset + len(content)
            total = replace(
                so_far,
                n_files=so_far.n_files + (before is None),
                n_bytes=so_far.n_bytes + after - (before or 0),
            )
            if total.n_files > plan.n_files or total.n_bytes > plan.n_bytes:
                raise UploadError(
                    f"More was sent than the {plan.n_files:,} files and {plan.n_bytes:,} bytes that were said to come."
                )
            require_room(folder, len(content), spare=least_bytes(settings))
            make_folder(path.parent)
            with path.open("ab") as file:
                file.truncate(offset)
                file.write(content)
            write_text(_state_of(settings, upload_id), json.dumps(asdict(total)))
    except OSError as error:
        raise OutputError(f"{printable(folder)}: cannot be written: {error.strerror}.") from error
    return after


def place_in(folder: Path, name: str) -> Path:
    """Where a file of an upload goes: below its folder, whatever a browser says.

    Raises:
        UploadError: if the name leads out, is no plain text, too long or too deep, or is that of a folder.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or len(parts) > _DEEPEST or not all(_is_good(part) for part in parts):
        raise UploadError(
            f"{shortened(name)} cannot be the name of a file; expected folders and a name of plain text, that leads"
            " nowhere else."
        )
    path = folder.joinpath(*parts)
    taken = next((each for each in path.parents if each.is_relative_to(folder) and each.is_file()), None)
    if path.is_dir() or taken is not None:
        raise UploadError(f"{shortened(name)} cannot be both a file and a folder.")
    return path


def finish(settings: Settings, upload_id: str) -> Upload:
    """Give a complete upload its place, flushed to disk.

    Raises:
        UploadError: if there is no such upload, or something of it is missing.
        OutputError: if it cannot be written.
    """
    plan = _read(_plan_of(settings, upload_id), upload_id)
    draft, place = _draft_of(settings, upload_id), _folder_of(settings, upload_id)
    with _counting(settings, upload_id) as so_far:
        if so_far != plan:
            raise UploadError(
                f"{so_far.n_files:,} of {plan.n_files:,} files and {so_far.n_bytes:,} of {plan.n_bytes:,} bytes have"
                " come; send the others first."
            )
        try:
            for path in draft.rglob("*"):
                if path.is_file():
                    flush_to_disk(path)
            draft.replace(place)
            flush_to_disk(place.parent)
        except OSError as error:
            raise OutputError(f"{printable(draft)}: cannot be written: {error.strerror}.") from error
    _discard_notes(settings, upload_id)
    remote.send_tree(place)
    return plan


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
    """Delete an upload, finished or not; what cannot be deleted stays, and a log says so."""
    for folder in (_folder_of(settings, upload_id), _draft_of(settings, upload_id)):
        storage.discard_folder(folder)
    _discard_notes(settings, upload_id)


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
    """Uploads, finished or not, that nobody has added to for a day and that no job waits for."""
    folder = storage.uploads_dir(settings)
    waiting = select(JobRow.spec).where(JobRow.kind.in_(TAKERS), JobRow.state.in_((QUEUED, RUNNING)))
    named = [str(value) for spec in session.scalars(waiting) for value in spec.values()]
    awaited = {found for text in named for found in _ID.findall(text)}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name not in awaited and path.lstat().st_mtime < time.time() - KEPT_SECONDS:
            yield path


@contextmanager
def _counting(settings: Settings, upload_id: str) -> Iterator[Upload]:
    """What has come of an upload so far; nobody else adds to it meanwhile."""
    with (storage.uploads_dir(settings) / f".{_checked(upload_id)}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield _read(_state_of(settings, upload_id), upload_id)


def _read(path: Path, upload_id: str) -> Upload:
    try:
        return Upload(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        raise UploadError(f"No upload {shortened(upload_id)} is on its way.") from None


def _checked(upload_id: str) -> str:
    if not _ID.fullmatch(upload_id):
        raise UploadError(f"{shortened(upload_id)} is not the id of an upload.")
    return upload_id


def _folder_of(settings: Settings, upload_id: str) -> Path:
    return storage.uploads_dir(settings) / _checked(upload_id)


def _draft_of(settings: Settings, upload_id: str) -> Path:
    return storage.uploads_dir(settings) / f".{_checked(upload_id)}"


def _plan_of(settings: Settings, upload_id: str) -> Path:
    """What was said to come."""
    return storage.uploads_dir(settings) / f".{_checked(upload_id)}.plan"


def _state_of(settings: Settings, upload_id: str) -> Path:
    """What has come."""
    return storage.uploads_dir(settings) / f".{_checked(upload_id)}.state"


def _discard_notes(settings: Settings, upload_id: str) -> None:
    for name in ("plan", "state", "lock"):
        delete_file(storage.uploads_dir(settings) / f".{upload_id}.{name}")


def _is_good(part: str) -> bool:
    return part not in ("..", "/") and is_plain(part) and 0 < len(part.encode()) <= _LONGEST_PART


def _walk(folder: Path) -> Iterator[Path]:
    for entry in remote.scan(folder):
        path = folder / entry.name
        if entry.is_dir():
            yield from _walk(path)
        elif entry.is_file():
            yield path
