"""Evaluations side by side."""

from flask import Response, render_template, request

from web.actions.comparison import read_compared
from web.context import reading
from web.results.comparison import search_and_sort
from web.results.comparison_csv import as_csv
from web.results.parameters import differing_of_evaluations
from web.results.scores import class_lines, score_lines
from web.text.addresses import change_query
from worker.jobs import jobs
from worker.jobs.database import read_clock


def compare_evaluations() -> str:
    """Show the scores of the jobs ?job=3&job=5 side by side, with their differences to ?base=3.

    ?search= takes classes by a part of their names, ?sort= orders them, ?intervals=1 computes the intervals.
    """
    with_intervals = request.args.get("intervals") == "1"
    with reading() as session:
        compared = read_compared(session, with_intervals=with_intervals)
        configs = [jobs.get(session, job_id).config for job_id in compared.job_ids]
        now = read_clock(session)
    lines = compared.lines(class_lines(compared.evaluations))
    search, sort = request.args.get("search", "").strip(), request.args.get("sort", "index")
    return render_template(
        "compare.html",
        compared=compared,
        with_intervals=with_intervals,
        score_lines=compared.lines(score_lines(compared.evaluations)),
        class_lines=search_and_sort(lines, search, sort, compared.job_ids),
        n_classes=len(lines),
        parameters=differing_of_evaluations(compared.evaluations, configs),
        search=search,
        sort=sort,
        change_query=change_query,
        now=now,
    )


def download_comparison() -> Response:
    """Send the same table as CSV, with all intervals."""
    with reading() as session:
        compared = read_compared(session, with_intervals=True)
    lines = compared.lines([*score_lines(compared.evaluations), *class_lines(compared.evaluations)])
    headers = {"Content-Disposition": 'attachment; filename="comparison.csv"'}
    return Response(as_csv(compared.job_ids, compared.base, lines), mimetype="text/csv", headers=headers)
