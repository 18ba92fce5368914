"""Evaluations side by side."""

from collections.abc import Sequence

from flask import Response, render_template, request
from sqlalchemy.orm import Session

from web.context import current_settings, reading
from web.results.comparing.compared import load_compared
from web.results.comparing.comparison import search_and_sort
from web.results.comparing.comparison_csv import as_csv
from web.text.queries import change_query, read_base, read_jobs
from worker.jobs.database import read_clock
from worker.jobs.records import checkpoints
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.records.evaluations import Evaluation


def compare_evaluations() -> str:
    """Show the scores of the jobs ?job=3&job=5 side by side, with their differences to ?base=3.

    ?search= takes classes by a part of their names, ?sort= orders them, ?intervals=1 computes the intervals.
    """
    with_intervals = request.args.get("intervals") == "1"
    job_ids = read_jobs()
    with reading() as session:
        compared = load_compared(
            session, current_settings(), job_ids, read_base(job_ids), with_intervals=with_intervals
        )
        trainings = _trainings(session, compared.evaluations)
        now = read_clock(session)
    lines = compared.class_lines()
    search, sort = request.args.get("search", "").strip(), request.args.get("sort", "index")
    return render_template(
        "compare.html",
        compared=compared,
        with_intervals=with_intervals,
        score_lines=compared.score_lines(),
        class_lines=search_and_sort(lines, search, sort, compared.job_ids),
        n_classes=len(lines),
        parameters=compared.parameters,
        trainings=trainings,
        search=search,
        sort=sort,
        change_query=change_query,
        now=now,
    )


def download_comparison() -> Response:
    """Send the same table as CSV, with all intervals."""
    job_ids = read_jobs()
    with reading() as session:
        compared = load_compared(session, current_settings(), job_ids, read_base(job_ids), with_intervals=True)
    lines = [*compared.score_lines(), *compared.class_lines()]
    headers = {"Content-Disposition": 'attachment; filename="comparison.csv"'}
    return Response(as_csv(compared.job_ids, compared.base, lines), mimetype="text/csv", headers=headers)


def _trainings(session: Session, evaluations: Sequence[Evaluation]) -> list[int]:
    """The jobs that trained the checkpoints of evaluations; none of weights files."""
    refs = [CheckpointRef.parse(each.checkpoint) for each in evaluations]
    found = [checkpoints.get(session, ref.id).job_id for ref in refs if ref.id is not None]
    return list(dict.fromkeys(found))
