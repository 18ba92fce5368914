"""The lists of checkpoints and evaluations."""

from flask import current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from web.context import reading, writing
from web.pages.paging import read_place
from worker.jobs.catalog import parse_integer
from worker.jobs.database import read_clock
from worker.jobs.records import checkpoints, evaluations


def list_checkpoints() -> str:
    """Show a page of checkpoints; ?job= shows those of one job, ?before= and ?after= page."""
    job_id = parse_integer(request.args.get("job", ""))
    before, after = read_place()
    limit: int = current_app.config["CHECKPOINTS_PER_PAGE"]
    with reading() as session:
        page = checkpoints.read_checkpoint_page(session, job_id, before=before, after=after, limit=limit)
        return render_template("checkpoints.html", page=page, chosen={"job": job_id}, now=read_clock(session))


def pin_checkpoint(checkpoint_id: int) -> Response:
    """Keep a checkpoint whatever rules say, or with pinned=0 do so no longer."""
    with writing() as session:
        found = checkpoints.pin(session, checkpoint_id, pinned=request.form.get("pinned") != "0")
    return redirect(url_for("pages.show_job", job_id=found.job_id, _anchor=f"checkpoint-{found.id}"))


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
