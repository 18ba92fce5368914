"""Evaluations over the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from web.api.requests import Before, Limit, Query
from web.context import reading
from web.results.comparing.confusion import order_by_error, order_by_similarity
from web.results.comparing.scores import labels_of
from worker.jobs.records import evaluations
from worker.jobs.records.evaluations import Evaluation, EvaluationLine


class EvaluationsQuery(Query):
    """Which evaluations."""

    checkpoint: str | None = Field(None, description="As evaluations name it: its id, or the path of a weights file.")
    before: Before = None
    limit: Limit = 50


@dataclass(frozen=True)
class EvaluationPage:
    """Some evaluations of a list, without most of their scores."""

    evaluations: Sequence[EvaluationLine]
    next_before: int | None  # continues the list; None at its end


@dataclass(frozen=True, kw_only=True)
class WholeEvaluation(Evaluation):
    """An evaluation with its confusion matrix."""

    confusion: Sequence[Sequence[int]] | None  # (C, C) pixels, rows are ground truth; None of an older version


@dataclass(frozen=True)
class ConfusionMatrix:
    """A confusion matrix, and orders of its classes."""

    labels: Sequence[str]
    counts: Sequence[Sequence[int]]  # (C, C) pixels, rows are ground truth
    orders: Mapping[str, Sequence[int]]  # indices by "error" and "similarity"


def list_evaluations(query: EvaluationsQuery) -> EvaluationPage:
    """List evaluations, newest first, each with its mean IoU."""
    with reading() as session:
        page = evaluations.read_evaluation_page(session, query.checkpoint, before=query.before, limit=query.limit)
    return EvaluationPage(page.lines, page.lines[-1].id if page.has_more else None)


def show_evaluation(job_id: int) -> WholeEvaluation:
    """Show all scores of an evaluate or crf job, and its confusion matrix."""
    with reading() as session:
        evaluation = evaluations.get(session, job_id)
        return WholeEvaluation(**vars(evaluation), confusion=evaluations.find_confusion(session, job_id))


def show_confusion(job_id: int) -> ConfusionMatrix:
    """Show the confusion matrix of an evaluation as pixel counts, with orders of the classes."""
    with reading() as session:
        evaluation = evaluations.get(session, job_id)
        counts = evaluations.get_confusion(session, job_id)
    matrix = np.array(counts)
    orders = {"error": order_by_error(matrix), "similarity": order_by_similarity(matrix)}
    return ConfusionMatrix(labels_of(evaluation), counts, orders)
