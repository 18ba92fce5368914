"""The lists of checkpoints and evaluations, and the comparison of evaluations."""

from flask import abort, current_app, render_template, request
from sqlalchemy.orm import Session

from web.context import reading
from web.pages.paging import read_place
from web.results.scores import class_lines, score_lines
from worker.jobs.catalog import parse_integer
from worker.jobs.database import read_clock
from worker.jobs.records import checkpoints, evaluations
from worker.jobs.records.evaluations import Evaluation


def list_checkpoints() -> str:
    """Show a page of checkpoints; ?job= shows those of one job, ?before= and ?after= page."""
    job_id = parse_integer(request.args.get("job", ""))
    before, after = read_place()
    limit: int = current_app.config["CHECKPOINTS_PER_PAGE"]
    with reading() as session:
        page = checkpoints.read_checkpoint_page(session, job_id, before=before, after=after, limit=limit)
        return render_template("checkpoints.html", page=page, chosen={"job": job_id}, now=read_clock(session))


def list_evaluations() -> str:
    """Show a page of evaluations; ?checkpoint= shows those of one checkpoint, ?before= and ?after= page."""
    checkpoint = request.args.get("checkpoint") or None
    before, after = read_place()
    limit: int = current_app.config["CHECKPOINTS_PER_PAGE"]
    with reading() as session:
        page = evaluations.read_evaluation_page(session, checkpoint, before=before, after=after, limit=limit)
        return render_template(
            "evaluations.html", page=page, chosen={"checkpoint": checkpoint}, now=read_clock(session)
        )


def compare_evaluations() -> str:
    """Show the scores of the jobs ?job=3&job=5 side by side."""
    numbers = [parse_integer(text) for text in request.args.getlist("job")]
    job_ids = [number for number in numbers if number is not None]
    if not job_ids:
        abort(400, "Select at least one evaluation to compare.")
    with reading() as session:
        evaluations = [_evaluation(session, job_id) for job_id in dict.fromkeys(job_ids)]
        now = read_clock(session)
    return render_template(
        "compare.html",
        evaluations=evaluations,
        score_lines=score_lines(evaluations),
        class_lines=class_lines(evaluations),
        now=now,
    )


def _evaluation(session: Session, job_id: int) -> Evaluation:
    evaluation = evaluations.find(session, job_id)
    return evaluation if evaluation is not None else abort(404, f"Job {job_id} has no evaluation.")
