"""Scores of checkpoints on splits. Written inside worker.jobs.leases.fenced."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from worker.jobs.database import read_clock
from worker.jobs.paging import Order, Page, read_page
from worker.jobs.tables import EvaluationRow
from worker.jobs.timestamp import Timestamp


class EvaluationNotFoundError(DeepLabError):
    """The job has no evaluation."""

    def __init__(self, job_id: int) -> None:
        super().__init__(f"Job {job_id} has no evaluation.")


class ConfusionNotFoundError(DeepLabError):
    """The evaluation is of an older version, which did not keep its confusion matrix."""

    def __init__(self, job_id: int) -> None:
        super().__init__(f"The confusion matrix of job {job_id} was not kept.")


@dataclass(frozen=True)
class EvaluationLine:
    """What a list shows of one checkpoint's scores on one dataset split under stated settings."""

    id: int
    job_id: int
    checkpoint: str  # the text of a CheckpointRef
    dataset: str
    split: str
    settings: dict[str, Any]  # {"inference": {...}, and for refined logits "crf": {...}}
    mean_iou: float
    created_at: Timestamp


@dataclass(frozen=True)
class Evaluation(EvaluationLine):
    """All scores of an evaluation, and what they mean."""

    scores: dict[str, Any]  # as deeplab.scores.metrics computes them, with "labels" and "n_images"
    policy: dict[str, Any] | None = None  # what the scores are over; None of an older version
    dataset_version: str | None = None  # a hash of the split's list and sizes; None of an older version


def add(
    session: Session,
    job_id: int,
    *,
    checkpoint: str,
    dataset: str,
    split: str,
    settings: dict[str, Any],
    scores: dict[str, Any],
    confusion: Sequence[Sequence[int]] | None = None,
    policy: dict[str, Any] | None = None,
    dataset_version: str | None = None,
) -> None:
    """Record the scores that a job computed, replacing those of an earlier attempt.

    Args:
        session: of the fence.
        job_id: of the job.
        checkpoint: the text of a CheckpointRef.
        dataset: by its registered name, else its folder.
        split: its name.
        settings: see `EvaluationLine`.
        scores: see `Evaluation`.
        confusion: (C, C) pixel counts, rows are ground truth.
        policy: see `deeplab.scores.metrics.metric_policy`.
        dataset_version: see `deeplab.datasets.split.split_version`.
    """
    session.execute(delete(EvaluationRow).where(EvaluationRow.job_id == job_id))
    session.add(
        EvaluationRow(
            job_id=job_id,
            checkpoint=checkpoint,
            dataset=dataset,
            split=split,
            settings=settings,
            mean_iou=scores["mean_iou"],
            scores=scores,
            confusion=confusion,
            policy=policy,
            dataset_version=dataset_version,
            created_at=read_clock(session),
        )
    )


def find(session: Session, job_id: int) -> Evaluation | None:
    """Find the scores that a job computed, if it has finished."""
    row = session.execute(select(*_columns(Evaluation)).where(EvaluationRow.job_id == job_id)).one_or_none()
    return None if row is None else Evaluation(**row._mapping)


def get(session: Session, job_id: int) -> Evaluation:
    """Read the scores that a job computed.

    Raises:
        EvaluationNotFoundError: if it computed none.
    """
    evaluation = find(session, job_id)
    if evaluation is None:
        raise EvaluationNotFoundError(job_id)
    return evaluation


def find_confusion(session: Session, job_id: int) -> list[list[int]] | None:
    """Read the confusion matrix of an evaluation, (C, C) pixel counts whose rows are ground truth, if it has one."""
    return session.scalar(select(EvaluationRow.confusion).where(EvaluationRow.job_id == job_id))


def get_confusion(session: Session, job_id: int) -> list[list[int]]:
    """Read the confusion matrix of an evaluation, as `find_confusion`.

    Raises:
        ConfusionNotFoundError: if it has none.
    """
    counts = find_confusion(session, job_id)
    if counts is None:
        raise ConfusionNotFoundError(job_id)
    return counts


def read_evaluation_page(
    session: Session,
    checkpoint: str | None = None,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int,
) -> Page[EvaluationLine]:
    """Read a page of evaluations, newest first.

    Args:
        session: reads.
        checkpoint: only evaluations of this one, as a CheckpointRef spells it.
        before, after, limit: as `worker.jobs.paging.read_page` takes them.
    """
    query = select(*_columns(EvaluationLine))
    if checkpoint is not None:
        query = query.where(EvaluationRow.checkpoint == checkpoint)
    page = read_page(session, query, Order(EvaluationRow.id), before=before, after=after, limit=limit)
    return Page([EvaluationLine(**row._mapping) for row in page.lines], page.n_before, page.n_all)


def _columns(kind: type[EvaluationLine]) -> list[Any]:
    return [getattr(EvaluationRow, name) for name in kind.__dataclass_fields__]
