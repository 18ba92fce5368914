"""The list of workers and of the queues that they serve."""

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from web.context import reading, signed_in, writing
from worker.jobs import holds, workers
from worker.jobs.database import read_clock
from worker.jobs.watching import queues


def list_workers() -> str:
    """Show all workers, live ones first, and how many jobs are queued."""
    with reading() as session:
        return render_template(
            "workers.html",
            workers=workers.list_workers(session),
            queues=queues.list_queues(session),
            now=read_clock(session),
        )


def pause_queue(name: str) -> Response:
    """Start no more jobs of a queue."""
    with writing() as session:
        holds.pause_queue(session, name, signed_in().user_id)
    return redirect(url_for("pages.list_workers"))


def resume_queue(name: str) -> Response:
    """Start jobs of a queue again."""
    with writing() as session:
        holds.resume_queue(session, name)
    return redirect(url_for("pages.list_workers"))
