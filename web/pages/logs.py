"""The logs of a job's attempts."""

from pathlib import Path

from flask import Response, abort, render_template, request

from web.context import current_settings, reading
from web.pages.paging import read_number
from worker.jobs import jobs
from worker.jobs.jobs import Job
from worker.jobs.watching import attempt_logs

_SHOWN = 2**18  # bytes of a log on a page
_SENT = 2**26  # bytes of a log as text


def show_log(job_id: int) -> str:
    """Show the end of a log, ?attempt= names which; with ?search=, the lines that hold a text."""
    job, attempt, log = _read(job_id)
    search = request.args.get("search", "").strip()
    with reading() as session:
        attempts = jobs.list_attempts(session, job_id)
    return render_template(
        "log.html",
        job=job,
        attempts=attempts,
        attempt=attempt,
        search=search,
        found=attempt_logs.search(log, search) if search else [],
        most_found=attempt_logs.MOST_FOUND,
        log="" if search else attempt_logs.read_end(log, _SHOWN),
    )


def send_log(job_id: int) -> Response:
    """Send a log as text; ?attempt= names which, by default the last."""
    _, _, log = _read(job_id)
    return Response(attempt_logs.read_end(log, _SENT), mimetype="text/plain")


def _read(job_id: int) -> tuple[Job, int, Path | None]:
    with reading() as session:
        job = jobs.get(session, job_id)
    attempt = read_number("attempt", job.fence)
    log = attempt_logs.log_of(current_settings(), job, attempt)
    if log is None and attempt != job.fence:
        abort(404, f"Job {job_id} has no attempt {attempt}.")
    return job, attempt, log
