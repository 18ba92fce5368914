"""The page of one job, and what its buttons do."""

from typing import Any

import numpy as np
from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from web.access.permissions import may_change
from web.actions import cancellation, deletion, holding, submission
from web.actions.submission import Submitted
from web.context import current_identity, current_settings, reading, signed_in, writing
from web.results.comparing.confusion import Confused, confusions
from web.results.comparing.scores import class_lines, labels_of, score_lines
from web.results.comparing.trials import best_trials, heat_map
from worker.jobs import jobs, outcomes, shards
from worker.jobs.catalog import HIGHEST_PRIORITY
from worker.jobs.cleaning.deletion import Loss, foresee
from worker.jobs.database import read_clock
from worker.jobs.holds import PriorityError
from worker.jobs.jobs import Job, JobStateError
from worker.jobs.records import checkpoints, evaluations, events, trials
from worker.jobs.requests.label import Label, parse_label
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.results import parts
from worker.jobs.results.job_files import class_colours
from worker.jobs.watching import attempt_logs
from worker.jobs.watching.lineage import read_lineage
from worker.jobs.watching.waiting import find_obstacle, find_place

_LOG_TAIL = 16_384  # bytes
_MOST_CONFUSED = 5  # pairs of classes


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
            log=attempt_logs.read_end(attempt_logs.log_of(current_settings(), job), _LOG_TAIL),
            lineage=read_lineage(session, job),
            checkpoints=checkpoints.list_checkpoints(session, job_id) if job.kind == "train" else [],
            shard_counts=shards.counts(session, job_id) if job.kind == "segment" else None,
            **_trials(session, job),
            obstacle=find_obstacle(session, current_settings(), job),
            may_change=may_change(job, current_identity()),
            highest_priority=HIGHEST_PRIORITY,
            loss=_foresee_loss(session, job),
            n_recorded=parts.count_images(session, job_id),
            place=find_place(session, job),
            standing=outcomes.describe_standing(job, current_settings()),
            stall_seconds=current_settings().stall_seconds_of(job.kind),
            **_scores(session, job),
        )


def edit_job(job_id: int) -> Response:
    """Change the name and the notes of a job."""
    try:
        label = parse_label({name: request.form.get(name, "") for name in Label.model_fields})
    except SpecError as error:
        flash(" ".join(f"{name.capitalize()} {sentence}" for name, sentence in error.fields.items()), "danger")
    else:
        with writing() as session:
            jobs.get(session, job_id)
            jobs.relabel(session, job_id, label)
    return redirect(url_for("pages.show_job", job_id=job_id))


def cancel_job(job_id: int) -> Response:
    """Cancel a queued job, or ask the supervisor of a running one to."""
    cancellation.cancel(current_settings(), job_id, signed_in())
    return redirect(url_for("pages.show_job", job_id=job_id))


def pause_job(job_id: int) -> Response:
    """Put a job on hold."""
    holding.pause(current_settings(), job_id, signed_in())
    return redirect(url_for("pages.show_job", job_id=job_id))


def resume_job(job_id: int) -> Response:
    """Let a job that is on hold start."""
    holding.resume(current_settings(), job_id, signed_in())
    return redirect(url_for("pages.show_job", job_id=job_id))


def prioritize_job(job_id: int) -> Response:
    """Give a queued job another priority."""
    try:
        priority = int(request.form.get("priority", "")[:20])
    except ValueError:
        raise PriorityError from None
    holding.set_priority(current_settings(), job_id, priority, signed_in())
    return redirect(url_for("pages.show_job", job_id=job_id))


def delete_job(job_id: int) -> Response:
    """Delete a job that has ended, with its files."""
    loss = deletion.delete(current_settings(), job_id, signed_in())
    flash(f"Job {loss.job_id} is deleted.", "success")
    return redirect(url_for("pages.list_jobs"))


def retry_job(job_id: int) -> Response:
    """Submit the job again."""
    return _show_submitted(
        submission.retry(current_settings(), job_id, user_id=signed_in().user_id), "Submitted again as job"
    )


def retry_failed(job_id: int) -> Response:
    """Submit the images that failed again."""
    return _show_submitted(
        submission.retry_failed(current_settings(), job_id, user_id=signed_in().user_id),
        "Submitted the failed images again as job",
    )


def _show_submitted(submitted: Submitted, said: str) -> Response:
    """Go on to the page of a new job, which also says why it waits."""
    flash(f"{said} {submitted.job.id}.", "success")
    for notice in submitted.notices:
        flash(notice, "warning")
    return redirect(url_for("pages.show_job", job_id=submitted.job.id))


def _foresee_loss(session: Session, job: Job) -> Loss | None:
    """What deleting a job would delete; None where it cannot be deleted, or not by whoever asks."""
    if not job.is_terminal or not may_change(job, current_identity()):
        return None
    try:
        return foresee(session, job.id)
    except JobStateError:
        return None


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
        "class_lines": class_lines(compared, [class_colours(job)] * len(compared)),
        "labels": labels_of(evaluation),
        "confused": _most_confused(session, job.id),
        "has_rows": bool(parts.list_parts(session, job.id)),
    }


def _trials(session: Session, job: Job) -> dict[str, Any]:
    """The trials of a grid search."""
    found = trials.list_trials(session, job.id, job.spec)
    return {"trials": found, "best_trials": best_trials(found), "heat": heat_map(found)} if found else {"trials": []}


def _most_confused(session: Session, job_id: int) -> list[Confused] | None:
    """The largest confusions of an evaluation; None if its confusion matrix was not kept."""
    counts = evaluations.find_confusion(session, job_id)
    return None if counts is None else confusions(np.array(counts), most=_MOST_CONFUSED)
