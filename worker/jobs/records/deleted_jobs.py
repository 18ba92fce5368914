"""Jobs that were deleted: their ids are never given again, and their folders may still have to go."""

from pathlib import Path

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from worker.jobs.database import read_clock
from worker.jobs.tables import DeletedJobRow, JobRow


def add(session: Session, job_id: int, folder: Path, user_id: int | None) -> None:
    """Record that a job was deleted, whose folder is to go."""
    row = DeletedJobRow(id=job_id, user_id=user_id, deleted_at=read_clock(session), folders=[str(folder)])
    session.add(row)


def list_unfinished(session: Session) -> dict[int, list[Path]]:
    """The folders of deleted jobs that may still be there, by job."""
    rows = session.scalars(select(DeletedJobRow).order_by(DeletedJobRow.id))
    return {row.id: [Path(folder) for folder in row.folders] for row in rows if row.folders}


def finish(session: Session, job_id: int) -> None:
    """Record that the folders of a deleted job are gone."""
    session.execute(update(DeletedJobRow).where(DeletedJobRow.id == job_id).values(folders=[]))


def first_free_id(session: Session) -> int | None:
    """The id of the next job, where the database would give that of a deleted one again; None: leave it to that."""
    if session.get_bind().dialect.name != "sqlite":
        return None
    deleted, newest = session.execute(
        select(select(func.max(DeletedJobRow.id)).scalar_subquery(), select(func.max(JobRow.id)).scalar_subquery())
    ).one()
    return None if deleted is None or deleted < (newest or 0) else int(deleted) + 1
