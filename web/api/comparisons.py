"""Comparisons of evaluations over the API."""

from typing import Any

from web.api.requests import require_known
from web.context import current_settings, reading
from web.results.comparing.compared import load_compared
from web.results.comparing.parameters import differing_of_evaluations
from web.results.comparing.scores import class_lines, score_lines
from web.text.queries import read_base, read_jobs
from worker.jobs import jobs
from worker.jobs.plain_json import as_json


def compare_evaluations() -> dict[str, Any]:
    """GET /comparisons?job=3&job=5&base=3: scores of evaluations, differences to the base, and their 95 % intervals."""
    require_known("job", "base")
    job_ids = read_jobs()
    with reading() as session:
        compared = load_compared(session, current_settings(), job_ids, read_base(job_ids), with_intervals=True)
        configs = [jobs.get(session, job_id).config for job_id in compared.job_ids]
    return {
        "jobs": compared.job_ids,
        "base": compared.job_ids[compared.base],
        "not_comparable": as_json(compared.obstacles),
        "older": compared.older,
        "no_intervals": as_json(compared.without_intervals),
        "parameters": as_json(differing_of_evaluations(compared.evaluations, configs)),
        "scores": as_json(compared.lines(score_lines(compared.evaluations))),
        "classes": as_json(compared.lines(class_lines(compared.evaluations))),
    }
