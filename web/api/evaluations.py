"""Evaluations over the API."""

from typing import Any

import numpy as np
from flask import request

from web.api.requests import read_limit, read_number, require_known
from web.context import reading
from web.results.comparing.confusion import order_by_error, order_by_similarity
from web.results.comparing.scores import labels_of
from worker.jobs.plain_json import as_json
from worker.jobs.records import evaluations


def list_evaluations() -> dict[str, Any]:
    """GET /evaluations?checkpoint=&before=&limit=: evaluations, newest first; `next_before` continues the list.

    Each has its mean IoU; `GET /evaluations/<job id>` has all scores of one.
    """
    require_known("checkpoint", "before", "limit")
    before, limit = read_number("before", None), read_limit(50)
    with reading() as session:
        page = evaluations.read_evaluation_page(session, request.args.get("checkpoint"), before=before, limit=limit)
    return {
        "evaluations": as_json(page.lines),
        "next_before": page.lines[-1].id if page.has_more else None,
    }


def show_evaluation(job_id: int) -> dict[str, Any]:
    """GET /evaluations/<job id>: all scores of an evaluate or crf job, and its confusion matrix."""
    require_known()
    with reading() as session:
        evaluation = evaluations.get(session, job_id)
        return {**as_json(evaluation), "confusion": evaluations.find_confusion(session, job_id)}


def show_confusion(job_id: int) -> dict[str, Any]:
    """GET /evaluations/<job id>/confusion: the confusion matrix as pixel counts, with orders of the classes."""
    require_known()
    with reading() as session:
        evaluation = evaluations.get(session, job_id)
        counts = evaluations.get_confusion(session, job_id)
    matrix = np.array(counts)
    return {
        "labels": labels_of(evaluation),
        "counts": counts,
        "orders": {"error": order_by_error(matrix), "similarity": order_by_similarity(matrix)},
    }
