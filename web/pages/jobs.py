"""The list of jobs."""

from flask import abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from web.context import reading
from worker.jobs import jobs
from worker.jobs.catalog import KINDS, LARGEST_INTEGER, STATES
from worker.jobs.database import read_clock


def start() -> Response:
    """Redirect the start page to the list of jobs."""
    return redirect(url_for("pages.list_jobs"))


def list_jobs() -> str:
    """Show the newest jobs; ?kind= and ?state= filter, ?before= pages."""
    kind, state = _choice("kind", KINDS), _choice("state", STATES)
    before = request.args.get("before", type=int)
    limit: int = current_app.config["JOBS_PER_PAGE"]
    with reading() as session:
        found = jobs.list_jobs(session, kind=kind, state=state, before=_row_number(before), limit=limit + 1)
        counts = jobs.count_by_state(session, kind)
        now = read_clock(session)
    return render_template(
        "jobs.html",
        jobs=found[:limit],
        next_before=found[limit - 1].id if len(found) > limit else None,
        before=before,
        counts=counts,
        kind=kind,
        state=state,
        kinds=KINDS,
        now=now,
    )


def _choice(name: str, known: tuple[str, ...]) -> str | None:
    value = request.args.get(name)
    if value and value not in known:
        abort(404, f"Unknown {name} {value!r}; expected one of {', '.join(known)}.")
    return value or None


def _row_number(value: int | None) -> int | None:
    """A number that every database can compare with."""
    return None if value is None else min(max(value, 0), LARGEST_INTEGER)
