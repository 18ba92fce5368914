"""The page of one job, and what its buttons do."""

from typing import Any

from flask import Response, flash, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from deeplab.files import read_tail
from web.actions import cancellation, submission
from web.context import current_identity, current_settings, reading, signed_in
from web.results.scores import class_lines, confusion_of, score_lines
from worker.jobs import jobs, shards, storage
from worker.jobs.database import read_clock
from worker.jobs.jobs import Job
from worker.jobs.records import checkpoints, evaluations, events, trials
from worker.jobs.waiting import find_obstacle

_LOG_TAIL = 16_384  # bytes


def show_job(job_id: int) -> str:
    """Show everything about a job; the page reloads itself until the job has ended."""
    with reading() as session:
        job = jobs.get(session, job_id)
        return render_template(
            "job.html",
            job=job,
            now=read_clock(session),
            attempts=jobs.list_attempts(session, job_id),
            events=events.list_events(session, job_id),
            log=_log(job, _LOG_TAIL),
            checkpoints=checkpoints.list_checkpoints(session, job_id) if job.kind == "train" else [],
            shard_counts=shards.counts(session, job_id) if job.kind == "segment" else None,
            trials=trials.list_trials(session, job.id, job.spec),
            obstacle=find_obstacle(session, job),
            may_cancel=cancellation.may_cancel(job, current_identity()),
            **_scores(session, job),
        )


def show_log(job_id: int) -> Response:
    """Send the full log of the last attempt, as text."""
    with reading() as session:
        job = jobs.get(session, job_id)
    return Response(_log(job, n_bytes=2**26), mimetype="text/plain")


def cancel_job(job_id: int) -> AnyResponse:
    """Cancel a queued job, or ask the supervisor of a running one to."""
    job = cancellation.cancel(current_settings(), job_id, signed_in())
    if not job.is_terminal:
        flash("Cancelling; this takes a few seconds.", "info")
    return redirect(url_for("pages.show_job", job_id=job_id))


def retry_job(job_id: int) -> AnyResponse:
    """Submit the job again."""
    job, notice = submission.retry(current_settings(), job_id, user_id=signed_in().user_id)
    flash(notice or f"Submitted again as job {job.id}.", "warning" if notice else "success")
    return redirect(url_for("pages.show_job", job_id=job.id))


def _log(job: Job, n_bytes: int) -> str:
    return read_tail(storage.log_path(current_settings(), job.id, job.fence), n_bytes) if job.fence else ""


def _scores(session: Session, job: Job) -> dict[str, Any]:
    """The scores of an evaluate job, or of a crf job beside those before it."""
    evaluation = evaluations.find(session, job.id)
    if evaluation is None:
        return {"evaluation": None}
    before = evaluations.find(session, job.spec["evaluate_job"]) if job.kind == "crf" else None
    compared = [evaluation] if before is None else [before, evaluation]
    return {
        "evaluation": evaluation,
        "before": before,
        "score_lines": score_lines(compared),
        "class_lines": class_lines(compared),
        "confusion": confusion_of(evaluation, evaluations.find_confusion(session, job.id)),
    }
