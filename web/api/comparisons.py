"""Comparisons of evaluations over the API."""

from typing import Any

from web.api.requests import require_known
from web.context import current_settings, reading
from web.results.comparing.compared import load_compared
from web.text.queries import read_base, read_jobs
from worker.jobs.plain_json import as_json


def compare_evaluations() -> dict[str, Any]:
    """GET /comparisons?job=3&job=5&base=3: scores of evaluations, differences to the base, and their 95 % intervals."""
    require_known("job", "base")
    job_ids = read_jobs()
    with reading() as session:
        compared = load_compared(session, current_settings(), job_ids, read_base(job_ids), with_intervals=True)
    return {
        "jobs": compared.job_ids,
        "base": compared.job_ids[compared.base],
        "not_comparable": as_json(compared.obstacles),
        "older": compared.older,
        "no_intervals": as_json(compared.without_intervals),
        "parameters": as_json(compared.parameters),
        "scores": as_json(compared.score_lines()),
        "classes": as_json(compared.class_lines()),
    }
