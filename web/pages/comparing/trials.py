"""The trials of a grid search."""

from flask import abort, render_template, request

from web.context import reading
from web.results.comparing.trials import best_trials, heat_map
from worker.jobs import jobs
from worker.jobs.records import trials


def show_trials(job_id: int) -> str:
    """Show the trials as a table, and as a heat map over the parameters ?x= and ?y=."""
    with reading() as session:
        job = jobs.get(session, job_id)
        found = trials.list_trials(session, job_id, job.spec)
    if not found:
        abort(404, f"Job {job_id} has no trials: it is no grid search, or has not ended.")
    return render_template(
        "trials.html",
        job=job,
        trials=found,
        best_trials=best_trials(found),
        heat=heat_map(found, request.args.get("x"), request.args.get("y")),
    )
