"""The checkpoints of trainings, and which is the best of its job. Written inside worker.jobs.leases.fenced."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, cast, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from worker.jobs.catalog import LARGEST_INTEGER
from worker.jobs.database import read_clock
from worker.jobs.paging import Order, Page, read_page
from worker.jobs.records.scores import CheckpointScores, Score, Training, read_scores, read_trainings
from worker.jobs.tables import AliasRow, CheckpointRow, JobRow, MetricRow
from worker.jobs.timestamp import Timestamp

_IN_RESULTS = ("checkpoint", "best_checkpoint")  # keys under which the result of a job names checkpoints


class CheckpointNotFoundError(DeepLabError):
    """There is no checkpoint of that id."""

    def __init__(self, checkpoint_id: object) -> None:
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
    aliases: tuple[str, ...]  # names that people gave to it


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

    A checkpoint that any job was submitted with, or has as its best or its result, stays, and so does one that is
    pinned or has an alias.
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
    """Which of some checkpoints are pinned, have an alias, or are named by a job: as its start, best or result."""
    some = CheckpointRow.id.in_(checkpoint_ids)
    has_alias = exists().where(AliasRow.checkpoint_id == CheckpointRow.id)
    kept = or_(CheckpointRow.pinned, has_alias, _is_named())
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


def find_outcome(session: Session, job_id: int, *, lock: bool = False) -> Checkpoint | None:
    """Find the checkpoint that a job is all about: the best of its validations, or its last one if it made none.

    Args:
        session: the transaction.
        job_id: of the job, if there is one.
        lock: as `get` takes it.
    """
    in_range = 0 < job_id <= LARGEST_INTEGER
    best_id = session.scalar(select(JobRow.best_checkpoint).where(JobRow.id == job_id)) if in_range else None
    if best_id is not None:
        return get(session, best_id, lock=lock)
    last = find_last(session, job_id) if in_range else None
    return last if last is None or not lock else get(session, last.id, lock=True)


def read_config(session: Session, checkpoint: Checkpoint) -> dict[str, Any]:
    """Read the configuration of the job that saved a checkpoint."""
    config: dict[str, Any] = session.scalars(select(JobRow.config).where(JobRow.id == checkpoint.job_id)).one()
    return config


def lock_for_deletion(session: Session, checkpoint_id: int) -> None:
    """Let everybody who wants to refer to a checkpoint wait for the end of the transaction."""
    session.execute(select(CheckpointRow.id).where(CheckpointRow.id == checkpoint_id).with_for_update())


def remove(session: Session, checkpoint: Checkpoint) -> None:
    """Delete the row of a checkpoint, and what its own job says of it; another one may become the best.

    Args:
        session: the caller commits, and deletes the file then.
        checkpoint: that nothing but its own job refers to.
    """
    job = session.get_one(JobRow, checkpoint.job_id, with_for_update=True)
    session.execute(delete(CheckpointRow).where(CheckpointRow.id == checkpoint.id))
    if job.best_checkpoint == checkpoint.id:
        best = _best_until(session, job.id, LARGEST_INTEGER)
        job.best_checkpoint = None if best is None else best.id
    job.result = job.result and {
        name: None if name in _IN_RESULTS and value == checkpoint.id else value for name, value in job.result.items()
    }
    session.flush()


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
    """Find the best of a training's validations up to an iteration of which the checkpoint still exists."""
    same_iteration = and_(MetricRow.job_id == CheckpointRow.job_id, MetricRow.iteration == CheckpointRow.iteration)
    scored = (MetricRow.job_id == job_id, MetricRow.name == "mean_iou", MetricRow.iteration <= iteration)
    query = select(CheckpointRow).join(MetricRow, same_iteration).where(*scored)
    best_first = (MetricRow.value.desc(), MetricRow.iteration, CheckpointRow.id.desc())
    return session.scalars(query.order_by(*best_first).limit(1)).first()


def _is_named() -> ColumnElement[bool]:
    """Whether any job, in any state, was submitted with a checkpoint, or has it as its best or its result."""
    final = and_(JobRow.id == CheckpointRow.job_id, JobRow.result["checkpoint"].as_integer() == CheckpointRow.id)
    return exists().where(
        or_(JobRow.checkpoint == cast(CheckpointRow.id, Text), JobRow.best_checkpoint == CheckpointRow.id, final)
    )


def _checkpoints(session: Session, rows: Sequence[CheckpointRow]) -> list[Checkpoint]:
    """Join checkpoints with what is shown of their jobs, scores and aliases, in four queries for any number."""
    trainings = read_trainings(session, {row.job_id for row in rows})
    scores = read_scores(session, rows, trainings)
    aliases = _aliases(session, rows)
    return [_checkpoint(row, trainings[row.job_id], scores[row.id], aliases.get(row.id, ())) for row in rows]


def _aliases(session: Session, rows: Sequence[CheckpointRow]) -> dict[int, tuple[str, ...]]:
    query = select(AliasRow.checkpoint_id, AliasRow.name).where(AliasRow.checkpoint_id.in_([row.id for row in rows]))
    found: dict[int, tuple[str, ...]] = {}
    for checkpoint_id, name in session.execute(query.order_by(AliasRow.name)):
        found[checkpoint_id] = (*found.get(checkpoint_id, ()), name)
    return found


def _checkpoint(
    row: CheckpointRow, training: Training, scores: CheckpointScores, aliases: tuple[str, ...]
) -> Checkpoint:
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
        aliases=aliases,
    )
