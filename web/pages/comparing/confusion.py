"""The confusion matrix of an evaluation."""

import numpy as np
from flask import render_template, request

from web.context import reading
from web.results.comparing.confusion import confusions, search
from web.results.comparing.scores import labels_of
from web.text.queries import change_query
from worker.jobs.records import evaluations
from worker.jobs.results import parts

_ROWS = 100  # of the table


def show_confusion(job_id: int) -> str:
    """Show a confusion matrix as a picture, and its largest cells as a table.

    ?search= takes those of classes by a part of their names, ?sort=-pixels orders them by pixels instead of shares.
    """
    text = request.args.get("search", "").strip()
    sort = "-pixels" if request.args.get("sort") == "-pixels" else "-share"
    with reading() as session:
        evaluation = evaluations.get(session, job_id)
        counts = evaluations.get_confusion(session, job_id)
        has_rows = bool(parts.list_parts(session, job_id))
    labels = labels_of(evaluation)
    found = search(confusions(np.array(counts), by=sort.removeprefix("-")), labels, text)
    return render_template(
        "confusion.html",
        evaluation=evaluation,
        job_id=job_id,
        labels=labels,
        has_rows=has_rows,
        confused=found[:_ROWS],
        n_found=len(found),
        search=text,
        sort=sort,
        change_query=change_query,
    )
