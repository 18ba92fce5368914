"""Room on the disks that jobs write to: looked at before a job begins, and shown where it runs short."""

from collections.abc import Iterator
from pathlib import Path

from deeplab.formats import size
from deeplab.mirrors import local_path
from deeplab.room import find_free_bytes, free_bytes, require_room
from worker.jobs import storage
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings


def require_room_for(settings: Settings, job: Job) -> None:
    """Refuse to begin an attempt where its disks have less free than DEEPLAB_FREE_DISK_MB.

    Raises:
        OutputError: if they have; its cause is ENOSPC, so that the job waits for room.
    """
    for folder in _written_by(settings, job):
        require_room(folder, 0, spare=least_bytes(settings))


def find_shortage(settings: Settings) -> str | None:
    """Say that the disk of the home runs short; None if it does not, or cannot be looked at."""
    free, least, enough = find_free_bytes(settings.home), least_bytes(settings), enough_bytes(settings)
    if free is None or free >= enough:
        return None
    # A bound, not what is free, so that all processes that look say the same.
    bound, waits = (least, "; no job starts until there is room") if free < least else (enough, "")
    return f"The disk of {settings.home} has less than {size(bound)} free{waits}. `deeplab gc` says what may go."


def list_free(settings: Settings) -> Iterator[tuple[Path, int]]:
    """The home and the data roots that are there, each with the bytes that its disk has free."""
    for folder in (settings.home, *settings.roots):
        if folder.is_dir():
            yield folder, free_bytes(folder)


def least_bytes(settings: Settings) -> int:
    """How many bytes are to stay free."""
    return settings.free_disk_mb * 1_000_000


def enough_bytes(settings: Settings) -> int:
    """With less free than this, a disk runs short."""
    return 2 * least_bytes(settings)


def _written_by(settings: Settings, job: Job) -> list[Path]:
    output = job.spec.get("output")
    return [storage.job_dir(settings, job.id), *([local_path(output)] if output else [])]
