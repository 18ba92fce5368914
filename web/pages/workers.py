"""The list of workers."""

from flask import render_template

from web.context import reading
from worker.jobs import workers
from worker.jobs.catalog import QUEUED
from worker.jobs.database import read_clock
from worker.jobs.watching.job_list import count_by_state


def list_workers() -> str:
    """Show all workers, live ones first, and how many jobs are queued."""
    with reading() as session:
        return render_template(
            "workers.html",
            workers=workers.list_workers(session),
            n_queued=count_by_state(session)[QUEUED],
            now=read_clock(session),
        )
