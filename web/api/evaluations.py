"""Evaluations over the API."""

from typing import Any

import numpy as np
from flask import abort

from web.context import reading
from web.results.confusion import order_by_error, order_by_similarity
from web.results.scores import labels_of
from worker.jobs.plain_json import as_json
from worker.jobs.records import evaluations


def list_evaluations() -> dict[str, Any]:
    """GET /evaluations: evaluations, newest first."""
    with reading() as session:
        return {"evaluations": as_json(evaluations.list_evaluations(session))}


def show_evaluation(job_id: int) -> dict[str, Any]:
    """GET /evaluations/<job id>: all scores of an evaluate or crf job, and its confusion matrix."""
    with reading() as session:
        evaluation = evaluations.find(session, job_id)
        if evaluation is None:
            abort(404, f"Job {job_id} has no evaluation.")
        return {**as_json(evaluation), "confusion": evaluations.find_confusion(session, job_id)}


def show_confusion(job_id: int) -> dict[str, Any]:
    """GET /evaluations/<job id>/confusion: the confusion matrix as pixel counts, with orders of the classes."""
    with reading() as session:
        evaluation = evaluations.find(session, job_id)
        counts = evaluations.find_confusion(session, job_id)
    if evaluation is None or counts is None:
        abort(404, f"Job {job_id} has no confusion matrix.")
    matrix = np.array(counts)
    return {
        "labels": labels_of(evaluation),
        "counts": counts,
        "orders": {"error": order_by_error(matrix), "similarity": order_by_similarity(matrix)},
    }
