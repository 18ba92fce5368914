"""The workers that are or were there."""

from flask import render_template

from web.context import reading
from worker.jobs import jobs, workers
from worker.jobs.database import read_clock


def list_workers() -> str:
    """All workers, those that are alive first, and how many jobs wait."""
    with reading() as session:
        return render_template(
            "workers.html",
            workers=workers.list_workers(session),
            n_queued=jobs.count_by_state(session)[jobs.QUEUED],
            now=read_clock(session),
        )
