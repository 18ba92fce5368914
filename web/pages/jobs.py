"""The list of jobs."""

import re

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from web.actions import bulk
from web.context import current_settings, reading, signed_in
from web.pages.paging import read_place
from web.text.formats import plural
from worker.jobs.catalog import KINDS, STATES, parse_integer
from worker.jobs.database import read_clock
from worker.jobs.watching.job_list import ORDERS, JobFilter, count_by_state, list_datasets, list_users, read_job_page
from worker.jobs.watching.waiting import find_obstacles

_LIST = re.compile(r"/jobs(\?[^\s]*)?")  # where a form may lead back to


def start() -> Response:
    """Redirect the start page to the list of jobs."""
    return redirect(url_for("pages.list_jobs"))


def list_jobs() -> str:
    """Show a page of jobs; ?kind=, ?state=, ?dataset=, ?user=, ?experiment= and ?search= filter, ?order= sorts.

    ?before= and ?after= page.
    """
    chosen = {
        "kind": _choice("kind", KINDS),
        "state": _choice("state", STATES),
        "dataset": request.args.get("dataset") or None,
        "user": request.args.get("user") or None,
        "experiment": request.args.get("experiment") or None,
        "search": request.args.get("search", "").strip() or None,
        "order": _choice("order", tuple(ORDERS)),
    }
    wanted = JobFilter(
        chosen["kind"],
        chosen["state"],
        chosen["dataset"],
        chosen["search"] or "",
        chosen["user"],
        chosen["experiment"],
    )
    order = chosen["order"] or "newest"
    before, after = read_place()
    limit: int = current_app.config["JOBS_PER_PAGE"]
    with reading() as session:
        counts = count_by_state(session, wanted)
        n_all = sum(counts.values()) if wanted.state is None else counts[wanted.state]
        page = read_job_page(session, wanted, order, before=before, after=after, limit=limit, n_all=n_all)
        return render_template(
            "jobs.html",
            page=page,
            counts=counts,
            chosen=chosen,
            place={"before": before, "after": after},
            order=order,
            orders=tuple(ORDERS),
            kinds=KINDS,
            datasets=list_datasets(session),
            users=list_users(session),
            obstacles=find_obstacles(session, current_settings(), page.lines),
            now=read_clock(session),
        )


def act_on_jobs() -> Response:
    """Cancel, retry or compare the jobs whose boxes were ticked, and go back to the list."""
    numbers = [parse_integer(text) for text in request.form.getlist("job")]
    job_ids = [number for number in numbers if number is not None][: bulk.MOST]
    if not job_ids:
        abort(400, "Select at least one job.")
    match request.form.get("action"):
        case "cancel":
            _tell(bulk.cancel(current_settings(), job_ids, signed_in()), "Cancelled {}.")
        case "retry":
            _tell(bulk.retry(current_settings(), job_ids, signed_in()), "Submitted {} again.")
        case "compare":
            return redirect(url_for("pages.compare_jobs", job=job_ids))
        case other:
            abort(400, f"Unknown action {other!r}; expected cancel, retry or compare.")
    back = request.form.get("back", "")
    return redirect(back if _LIST.fullmatch(back) else url_for("pages.list_jobs"))


def _tell(result: bulk.BulkResult, sentence: str) -> None:
    """Say on the next page what became of the jobs; of refused ones the first three reasons."""
    if result.jobs:
        flash(sentence.format(plural(len(result.jobs), "job")), "success")
    if result.refused:
        reasons = list(result.refused.values())
        more = f" And {plural(len(reasons) - 3, 'more job')}." if len(reasons) > 3 else ""
        flash(" ".join(reasons[:3]) + more, "warning")
    if result.notice:
        flash(result.notice, "warning")


def _choice(name: str, known: tuple[str, ...]) -> str | None:
    value = request.args.get(name)
    if value and value not in known:
        abort(404, f"Unknown {name} {value!r}; expected one of {', '.join(known)}.")
    return value or None
