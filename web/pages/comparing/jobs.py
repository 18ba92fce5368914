"""Jobs side by side: in which parameters they differ, and the curves of trainings over one another."""

from flask import render_template

from web.context import reading
from web.results.comparing.parameters import differing_of_jobs
from web.text.queries import change_query, read_jobs
from worker.jobs import jobs
from worker.jobs.catalog import SUCCEEDED
from worker.jobs.jobs import Job


def compare_jobs() -> str:
    """Compare the jobs ?job=3&job=5."""
    job_ids = read_jobs()
    with reading() as session:
        compared = [jobs.get(session, job_id) for job_id in job_ids]
    return render_template(
        "compare_jobs.html",
        jobs=compared,
        scored=[job.id for job in compared if _is_scored(job)],
        trainings=[job for job in compared if job.kind == "train"],
        parameters=differing_of_jobs(compared),
        change_query=change_query,
    )


def _is_scored(job: Job) -> bool:
    """Whether the job has left an evaluation."""
    return job.state == SUCCEEDED and job.kind in ("evaluate", "crf") and not job.spec.get("grid")
