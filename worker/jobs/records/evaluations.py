"""Scores of checkpoints on splits. Written inside worker.jobs.leases.fenced."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from worker.jobs.database import db_now
from worker.jobs.tables import EvaluationRow


@dataclass(frozen=True)
class Evaluation:
    """One checkpoint's scores on one dataset split under stated settings."""

    id: int
    job_id: int
    checkpoint: str  # the text of a CheckpointRef
    dataset: str
    split: str
    settings: dict[str, Any]  # {"inference": {...}, and for refined logits "crf": {...}}
    mean_iou: float
    scores: dict[str, Any]  # as deeplab.metrics computes them, with "labels" and "n_images"
    created_at: float


def add(
    session: Session,
    job_id: int,
    *,
    checkpoint: str,
    dataset: str,
    split: str,
    settings: dict[str, Any],
    scores: dict[str, Any],
) -> None:
    """Record the scores that a job computed, replacing those of an earlier attempt."""
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
            created_at=session.scalar(select(db_now())),
        )
    )


def find(session: Session, job_id: int) -> Evaluation | None:
    """Find the scores that a job computed, if it has finished."""
    row = session.scalars(select(EvaluationRow).where(EvaluationRow.job_id == job_id)).one_or_none()
    return None if row is None else _evaluation(row)


def list_evaluations(session: Session, limit: int = 200) -> list[Evaluation]:
    """List evaluations, newest first."""
    return [
        _evaluation(row)
        for row in session.scalars(select(EvaluationRow).order_by(EvaluationRow.id.desc()).limit(limit))
    ]


def _evaluation(row: EvaluationRow) -> Evaluation:
    return Evaluation(**{name: getattr(row, name) for name in Evaluation.__dataclass_fields__})
