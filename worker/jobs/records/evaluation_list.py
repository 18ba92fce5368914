"""The list of evaluations, with no more of each than a line shows: scores of many classes stay in the database."""

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from worker.jobs.paging import Order, Page, read_page
from worker.jobs.tables import EvaluationRow


@dataclass(frozen=True)
class EvaluationLine:
    """What lists show of one checkpoint's scores on one dataset split."""

    id: int
    job_id: int
    checkpoint: str  # the text of a CheckpointRef
    dataset: str
    split: str
    settings: dict[str, Any]  # as worker.jobs.records.evaluations.Evaluation has them
    mean_iou: float
    created_at: float


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
    query = select(*(getattr(EvaluationRow, field.name) for field in fields(EvaluationLine)))
    if checkpoint is not None:
        query = query.where(EvaluationRow.checkpoint == checkpoint)
    page = read_page(session, query, Order(EvaluationRow.id), before=before, after=after, limit=limit)
    return Page([EvaluationLine(**row._mapping) for row in page.lines], page.n_before, page.n_all)
