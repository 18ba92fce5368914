"""The lists of checkpoints and evaluations."""

from flask import current_app, render_template, request

from web.context import reading
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
