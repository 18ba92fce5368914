"""Which parts hold a job's results: pointers in SQL. Written in the transaction that makes their fence sure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from worker.jobs.tables import ResultPartRow


@dataclass(frozen=True)
class Part:
    """A folder with the result tables of some images of a job."""

    id: int
    folder: Path
    n_images: int
    level: int  # how many times its rows have been merged


def add(session: Session, job_id: int, folder: Path, n_images: int, *, level: int = 0) -> None:
    """Point to a part, complete and flushed."""
    session.add(ResultPartRow(job_id=job_id, folder=str(folder), n_images=n_images, level=level))


def replace(session: Session, job_id: int, parts: Sequence[Part], folder: Path) -> None:
    """Point to a part that holds the rows of others in place of them."""
    session.execute(delete(ResultPartRow).where(ResultPartRow.id.in_([part.id for part in parts])))
    add(session, job_id, folder, sum(part.n_images for part in parts), level=1 + max(part.level for part in parts))


def forget(session: Session, job_id: int) -> None:
    """Point to no part any more, as an attempt does that begins anew."""
    session.execute(delete(ResultPartRow).where(ResultPartRow.job_id == job_id))


def list_parts(session: Session, job_id: int) -> list[Part]:
    """List the parts of a job's results."""
    rows = session.scalars(select(ResultPartRow).where(ResultPartRow.job_id == job_id).order_by(ResultPartRow.id))
    return [Part(row.id, Path(row.folder), row.n_images, row.level) for row in rows]
