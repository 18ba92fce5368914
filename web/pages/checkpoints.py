"""The lists of checkpoints and evaluations, and the comparison of evaluations."""

from flask import abort, render_template, request
from sqlalchemy.orm import Session

from web.context import reading
from web.results.scores import class_lines, score_lines
from worker.jobs.catalog import parse_integer
from worker.jobs.database import read_clock
from worker.jobs.records import checkpoints, evaluations
from worker.jobs.records.evaluations import Evaluation

_LIMIT = 200  # lines of a table


def list_checkpoints() -> str:
    """Show the newest checkpoints, and below them the newest evaluations."""
    with reading() as session:
        return render_template(
            "checkpoints.html",
            checkpoints=checkpoints.list_checkpoints(session, limit=_LIMIT),
            evaluations=evaluations.list_evaluations(session, limit=_LIMIT),
            limit=_LIMIT,
            now=read_clock(session),
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
