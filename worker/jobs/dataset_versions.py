"""Versions of registered datasets: what lists, sizes and labels were when somebody registered or refreshed one."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from worker.jobs.database import read_clock
from worker.jobs.tables import DatasetVersionRow, JobRow
from worker.jobs.timestamp import Timestamp

if TYPE_CHECKING:
    from deeplab.datasets.version import DatasetVersion  # which reads images, with all that this takes


@dataclass(frozen=True)
class Version:
    """A dataset as it was at a time."""

    number: int  # 1, 2, 3 ...
    digest: str
    class_names: list[str]
    splits: dict[str, dict[str, Any]]  # by name: {"n_images": ..., "version": ...}
    created_at: Timestamp
    user: str | None  # who registered or refreshed it; None: from the command line


@dataclass(frozen=True)
class Use:
    """A job that works on a dataset."""

    job_id: int
    kind: str
    state: str
    name: str


def add(session: Session, dataset_id: int, version: "DatasetVersion", user_id: int | None) -> bool:
    """Record a version, unless it is the one that was recorded last; whether it is a new one."""
    newest = _newest(session, dataset_id)
    if newest is not None and newest.digest == version.digest:
        return False
    row = DatasetVersionRow(
        dataset_id=dataset_id,
        number=1 if newest is None else newest.number + 1,
        digest=version.digest,
        class_names=version.class_names,
        splits={name: asdict(split) for name, split in version.splits.items()},
        created_at=read_clock(session),
        user_id=user_id,
    )
    session.add(row)
    session.flush()
    return True


def list_versions(session: Session, dataset_id: int) -> list[Version]:
    """All versions of a dataset, the newest first; none of one that an earlier version of the platform registered."""
    query = select(DatasetVersionRow).where(DatasetVersionRow.dataset_id == dataset_id)
    return [_version(row) for row in session.scalars(query.order_by(DatasetVersionRow.number.desc()))]


def newest_digest(session: Session, dataset_id: int) -> str | None:
    """The digest of a dataset's newest version; None if none was recorded."""
    newest = _newest(session, dataset_id)
    return None if newest is None else newest.digest


def count_uses(session: Session, names: list[str]) -> dict[str | None, int]:
    """How many jobs work on a dataset, by the digest of its version; None: of one that nobody recorded."""
    query = select(JobRow.dataset_version, func.count()).where(JobRow.dataset.in_(names))
    return dict(session.execute(query.group_by(JobRow.dataset_version)).all())


def list_uses(session: Session, names: list[str], *, digest: str | None = None, limit: int = 50) -> list[Use]:
    """The newest jobs that work on a dataset, under any of its names; those of a version, if one is given."""
    query = select(JobRow.id, JobRow.kind, JobRow.state, JobRow.name).where(JobRow.dataset.in_(names))
    if digest is not None:
        query = query.where(JobRow.dataset_version == digest)
    return [Use(*row) for row in session.execute(query.order_by(JobRow.id.desc()).limit(limit))]


def _newest(session: Session, dataset_id: int) -> DatasetVersionRow | None:
    query = select(DatasetVersionRow).where(DatasetVersionRow.dataset_id == dataset_id)
    return session.scalars(query.order_by(DatasetVersionRow.number.desc()).limit(1)).first()


def _version(row: DatasetVersionRow) -> Version:
    return Version(**{name: getattr(row, name) for name in Version.__dataclass_fields__})
