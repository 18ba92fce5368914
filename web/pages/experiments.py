"""Experiments: the list of them, and the page of one."""

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from web.context import reading, writing
from worker.jobs import experiments
from worker.jobs.catalog import SUCCEEDED, parse_integer
from worker.jobs.database import read_clock
from worker.jobs.experiments import ExperimentError
from worker.jobs.watching.job_list import JobFilter, count_by_state, list_jobs

_LISTED = 100
_SHOWN = 200  # jobs of an experiment


def list_experiments() -> str:
    """Show the experiments, newest first; ?search= filters, ?before= goes on."""
    search, before = request.args.get("search", "").strip(), parse_integer(request.args.get("before", ""))
    with reading() as session:
        found = experiments.list_experiments(session, search, before=before, limit=_LISTED + 1)
        now = read_clock(session)
    following = found[_LISTED - 1].id if len(found) > _LISTED else None
    return render_template("experiments.html", found=found[:_LISTED], search=search, following=following, now=now)


def show_experiment(experiment_id: int) -> str:
    """Show an experiment: its notes, and its jobs with their outcomes."""
    with reading() as session:
        experiment = experiments.get(session, experiment_id)
        wanted = JobFilter(experiment=experiment.name)
        jobs = list_jobs(session, wanted, limit=_SHOWN)
        counts, now = count_by_state(session, wanted), read_clock(session)
    compared = [job.id for job in jobs if job.kind == "train"][:8]
    evaluated = [job.id for job in jobs if job.kind in ("evaluate", "crf") and job.state == SUCCEEDED][:8]
    return render_template(
        "experiment.html",
        experiment=experiment,
        jobs=jobs,
        counts=counts,
        compared=compared,
        evaluated=evaluated,
        now=now,
    )


def edit_experiment(experiment_id: int) -> Response:
    """Change the name, notes and tags of an experiment."""
    wanted = {name: request.form.get(name) for name in ("name", "notes", "tags")}
    if None in wanted.values():
        abort(400, "The form lacks a field.")
    try:
        with writing() as session:
            experiments.change(session, experiment_id, **wanted)
    except ExperimentError as error:
        flash(str(error), "danger")
    return redirect(url_for("pages.show_experiment", experiment_id=experiment_id))
