"""The checkpoints of trainings, and which is the best of its job. Written inside worker.jobs.leases.fenced."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, cast, exists, or_, select, update
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from worker.jobs.catalog import LARGEST_INTEGER
from worker.jobs.database import read_clock
from worker.jobs.paging import Order, Page, read_page
from worker.jobs.records.scores import CheckpointScores, Score, Training, read_scores, read_trainings
from worker.jobs.tables import CheckpointRow, JobRow, MetricRow
from worker.jobs.timestamp import Timestamp


class CheckpointNotFoundError(DeepLabError):
    """There is no checkpoint of that id."""

    def __init__(self, checkpoint_id: int) -> None:
        super().__init__(f"There is no checkpoint {checkpoint_id}.")


@dataclass(frozen=True)
class Checkpoint:
    """The record of a checkpoint file; its content is a deeplab.training.checkpoint.Checkpoint."""

    id: int
    job_id: int
    iteration: int
    path: Path
    sha256: str
    n_bytes: int
    created_at: Timestamp
    model: str  # MODEL.NAME of the job that saved it
    dataset: str  # that its job trained on
    split: str  # that its job validates on
    mean_iou: float | None  # on that split, by the model alone; see worker.jobs.records.scores
    other_scores: tuple[Score, ...]  # on other splits and datasets, under other settings, with a CRF
    is_best: bool  # whether it is its job's best
    pinned: bool  # whether somebody wants it kept


def add(
    session: Session, job_id: int, fence: int, iteration: int, path: Path, sha256: str, *, is_best: bool = False
) -> None:
    """Record a complete, flushed checkpoint file, unless the attempt has recorded one of this iteration."""
    attempt_has_it = select(CheckpointRow.id).where(
        CheckpointRow.job_id == job_id, CheckpointRow.fence == fence, CheckpointRow.iteration == iteration
    )
    if session.scalar(attempt_has_it) is not None:
        return
    row = CheckpointRow(
        job_id=job_id,
        fence=fence,
        iteration=iteration,
        path=str(path),
        sha256=sha256,
        n_bytes=path.stat().st_size,
        created_at=read_clock(session),
    )
    session.add(row)
    session.flush()
    if is_best:
        _set_best(session, job_id, row.id)


def inherit_best(session: Session, job_id: int, resumed: Checkpoint) -> None:
    """Give a job that continues a training the best checkpoint that this training had by then."""
    source = session.get_one(JobRow, resumed.job_id)
    best = None if source.best_checkpoint is None else session.get(CheckpointRow, source.best_checkpoint)
    if best is None or best.iteration > resumed.iteration:  # found later
        best = _best_until(session, source.id, resumed.iteration)
    if best is not None:
        _set_best(session, job_id, best.id)


def discard(session: Session, job_id: int, iteration: int) -> list[Path]:
    """Delete the rows of a job's checkpoints of one iteration; return the files to delete once this is committed.

    A checkpoint that any job was submitted with, or has as its best or its result, stays, and so does a pinned one.
    """
    of_iteration = select(CheckpointRow.id).where(CheckpointRow.job_id == job_id, CheckpointRow.iteration == iteration)
    return list(discard_all(session, session.scalars(of_iteration).all()).values())


def discard_all(session: Session, checkpoint_ids: Sequence[int]) -> dict[int, Path]:
    """Delete the rows of checkpoints to which nothing refers; the files to delete once this is committed, by id."""
    # Locked before looking for references: a submission in the meantime waits, and finds the checkpoint gone.
    query = select(CheckpointRow).where(CheckpointRow.id.in_(checkpoint_ids)).order_by(CheckpointRow.id)
    rows = session.scalars(query.with_for_update()).all()
    referenced = find_referenced(session, [row.id for row in rows])
    free = [row for row in rows if row.id not in referenced]
    for row in free:
        session.delete(row)
    return {row.id: Path(row.path) for row in free}


def find_referenced(session: Session, checkpoint_ids: Sequence[int]) -> set[int]:
    """Which of some checkpoints are pinned, or named by a job: as its start, its best or its result."""
    some = CheckpointRow.id.in_(checkpoint_ids)
    kept = or_(CheckpointRow.pinned, _is_named())
    return set(session.scalars(select(CheckpointRow.id).where(some, kept)))


def pin(session: Session, checkpoint_id: int, *, pinned: bool) -> Checkpoint:
    """Keep a checkpoint whatever rules say, or do so no longer.

    Raises:
        CheckpointNotFoundError: if there is none of that id.
    """
    get(session, checkpoint_id, lock=True)
    session.execute(update(CheckpointRow).where(CheckpointRow.id == checkpoint_id).values(pinned=pinned))
    session.expire_all()
    return get(session, checkpoint_id)


def get(session: Session, checkpoint_id: int, *, lock: bool = False) -> Checkpoint:
    """Read one checkpoint.

    Args:
        session: the transaction.
        checkpoint_id: its id.
        lock: keep it from being discarded until the end of the transaction, which records a reference to it.

    Raises:
        CheckpointNotFoundError: if there is none of that id.
    """
    in_range = 0 < checkpoint_id <= LARGEST_INTEGER  # databases refuse to look for others
    row_lock = {"read": True} if lock else None
    row = session.get(CheckpointRow, checkpoint_id, with_for_update=row_lock) if in_range else None
    if row is None:
        raise CheckpointNotFoundError(checkpoint_id)
    return _checkpoints(session, [row])[0]


def find_last(session: Session, job_id: int) -> Checkpoint | None:
    """Find a job's checkpoint of the highest iteration, if it has any."""
    query = select(CheckpointRow).where(CheckpointRow.job_id == job_id)
    row = session.scalars(query.order_by(CheckpointRow.iteration.desc(), CheckpointRow.id.desc()).limit(1)).first()
    return None if row is None else _checkpoints(session, [row])[0]


def find_outcome(session: Session, job_id: int) -> Checkpoint | None:
    """Find the checkpoint that a job is all about: the best of its validations, or its last one if it made none.

    It is kept from being discarded until the end of the transaction.
    """
    best_id = session.get_one(JobRow, job_id).best_checkpoint
    if best_id is not None:
        return get(session, best_id, lock=True)
    last = find_last(session, job_id)
    return None if last is None else get(session, last.id, lock=True)


def read_config(session: Session, checkpoint: Checkpoint) -> dict[str, Any]:
    """Read the configuration of the job that saved a checkpoint."""
    config: dict[str, Any] = session.scalars(select(JobRow.config).where(JobRow.id == checkpoint.job_id)).one()
    return config


def list_checkpoints(
    session: Session, job_id: int | None = None, limit: int = 200, *, before: int | None = None
) -> list[Checkpoint]:
    """List checkpoints, newest first; of one job, and older than checkpoint `before`, if given."""
    query = _of_job(job_id).order_by(CheckpointRow.id.desc()).limit(limit)
    if before is not None:
        query = query.where(CheckpointRow.id < before)
    return _checkpoints(session, session.scalars(query).all())


def read_checkpoint_page(
    session: Session,
    job_id: int | None = None,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int,
) -> Page[Checkpoint]:
    """Read a page of the list of checkpoints, newest first; `before` and `after` as worker.jobs.paging has them."""
    query = _of_job(job_id).add_columns(CheckpointRow.id)
    page = read_page(session, query, Order(CheckpointRow.id), before=before, after=after, limit=limit)
    return Page(_checkpoints(session, [row.CheckpointRow for row in page.lines]), page.n_before, page.n_all)


def _of_job(job_id: int | None) -> Select[CheckpointRow]:
    query = select(CheckpointRow)
    return query if job_id is None else query.where(CheckpointRow.job_id == job_id)


def _set_best(session: Session, job_id: int, checkpoint_id: int) -> None:
    session.execute(update(JobRow).where(JobRow.id == job_id).values(best_checkpoint=checkpoint_id))


def _best_until(session: Session, job_id: int, iteration: int) -> CheckpointRow | None:
    """Find the checkpoint of a training's best validation up to an iteration, if it still exists."""
    scored = (MetricRow.job_id == job_id, MetricRow.name == "mean_iou", MetricRow.iteration <= iteration)
    best_iteration = (
        select(MetricRow.iteration).where(*scored).order_by(MetricRow.value.desc(), MetricRow.iteration).limit(1)
    )
    query = select(CheckpointRow).where(
        CheckpointRow.job_id == job_id, CheckpointRow.iteration == best_iteration.scalar_subquery()
    )
    return session.scalars(query.order_by(CheckpointRow.id.desc()).limit(1)).first()


def _is_named() -> ColumnElement[bool]:
    """Whether any job, in any state, was submitted with a checkpoint, or has it as its best or its result."""
    final = and_(JobRow.id == CheckpointRow.job_id, JobRow.result["checkpoint"].as_integer() == CheckpointRow.id)
    return exists().where(
        or_(JobRow.checkpoint == cast(CheckpointRow.id, Text), JobRow.best_checkpoint == CheckpointRow.id, final)
    )


def _checkpoints(session: Session, rows: Sequence[CheckpointRow]) -> list[Checkpoint]:
    """Join checkpoints with what is shown of their jobs and with their scores, in three queries for any number."""
    trainings = read_trainings(session, {row.job_id for row in rows})
    scores = read_scores(session, rows, trainings)
    return [_checkpoint(row, trainings[row.job_id], scores[row.id]) for row in rows]


def _checkpoint(row: CheckpointRow, training: Training, scores: CheckpointScores) -> Checkpoint:
    return Checkpoint(
        id=row.id,
        job_id=row.job_id,
        iteration=row.iteration,
        path=Path(row.path),
        sha256=row.sha256,
        n_bytes=row.n_bytes,
        created_at=row.created_at,
        model=training.model,
        dataset=training.dataset,
        split=training.split,
        mean_iou=scores.mean_iou,
        other_scores=scores.others,
        is_best=training.best_checkpoint == row.id,
        pinned=row.pinned,
    )
