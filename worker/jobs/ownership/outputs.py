"""An output folder belongs to one job from its submission until the job has ended.

Folders count as their real paths, and as one if one lies within the other: a second job in either is refused. Rows of
jobs that have ended count no more, and make room when their folder is wanted again.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from deeplab.files import printable
from worker.jobs import places
from worker.jobs.catalog import TERMINAL
from worker.jobs.database import take_turns
from worker.jobs.tables import JobRow, OutputFolderRow


@dataclass(frozen=True)
class FolderOwner:
    """A job that has not ended, and the folder that it owns."""

    path: str
    job_id: int
    state: str


class FolderOwnedError(DeepLabError):
    """An output folder belongs to a job that has not ended."""

    def __init__(self, folder: Path, owner: FolderOwner) -> None:
        super().__init__(
            f"{printable(folder)}: {_relation(folder, Path(owner.path))} belongs to job {owner.job_id} ({owner.state})"
            " until that has ended; choose another output folder, or wait."
        )


def own(session: Session, job_id: int, folder: Path) -> None:
    """Give a folder to a job until it ends.

    Args:
        session: the transaction that inserts the job.
        job_id: the job.
        folder: a real path.

    Raises:
        FolderOwnedError: if the folder, one around it or one within it belongs to another job.
    """
    take_turns(session, "output folders")
    require_free(session, folder)
    session.execute(delete(OutputFolderRow).where(OutputFolderRow.path == str(folder)))
    session.add(OutputFolderRow(path=str(folder), job_id=job_id))
    session.flush()


def require_free(session: Session, folder: Path) -> None:
    """Refuse a folder, given by its real path, that belongs to a job. Raises FolderOwnedError."""
    owner = find_owner(session, folder)
    if owner is not None:
        raise FolderOwnedError(folder, owner)


def find_owner(session: Session, folder: Path) -> FolderOwner | None:
    """Find the job that owns a folder, given by its real path, or one around it or within it."""
    inside = places.relative(str(folder).rstrip(os.sep) + os.sep)
    path = OutputFolderRow.path
    overlaps = or_(path.in_([str(folder), *map(str, folder.parents)]), func.substr(path, 1, len(inside)) == inside)
    query = (
        select(path, JobRow.id, JobRow.state)
        .join(JobRow, JobRow.id == OutputFolderRow.job_id)
        .where(overlaps, JobRow.state.not_in(TERMINAL))
        .order_by(JobRow.id)
    )
    found = session.execute(query.limit(1)).one_or_none()
    return None if found is None else FolderOwner(*found)


def _relation(folder: Path, owned: Path) -> str:
    if folder == owned:
        return "it"
    return f"{printable(owned)} {'around' if folder.is_relative_to(owned) else 'within'} it"
