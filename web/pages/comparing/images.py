"""The images in which one evaluation beats another most."""

from flask import abort, current_app, render_template, request

from deeplab import remote
from web.context import current_settings, reading
from web.results.comparing.compared import load_compared
from web.results.comparing.comparison import Change
from web.results.comparing.intervals import folders_of
from web.results.comparing.scores import labels_of
from web.text.queries import change_query, read_base, read_jobs
from worker.jobs.catalog import parse_integer
from worker.jobs.results.differences import Differences
from worker.jobs.results.job_files import mask_file

_SORTS = ("-difference", "difference")  # the other evaluation's largest gains first, or its largest losses


def compare_images() -> str:
    """Show the images of the jobs ?job=3&job=5 by the difference to ?base=3, of mean IoU or of the IoU of ?class=."""
    job_ids = read_jobs()
    if len(job_ids) != 2:
        abort(400, f"Images are compared between two jobs, got {len(job_ids)}.")
    sort = request.args.get("sort", _SORTS[0])
    if sort not in _SORTS:
        abort(400, f"sort must be one of {', '.join(_SORTS)}, got {sort!r}.")
    base = read_base(job_ids)
    pair = [base, *(job_id for job_id in job_ids if job_id != base)]
    with reading() as session:
        compared = load_compared(session, current_settings(), pair, base, with_intervals=False)
        before, after = (folders_of(session, job_id) for job_id in pair)
    labels = labels_of(compared.evaluations[0])
    class_index = _read_class(len(labels))
    differences = Differences(current_settings(), before, after, class_index)
    limit: int = current_app.config["IMAGES_PER_PAGE"]
    page = differences.page(falling=sort == "-difference", cursor=request.args.get("cursor"), limit=limit)
    return render_template(
        "compare_images.html",
        jobs=compared.jobs,
        compared=compared,
        without_rows=[job_id for job_id, found in zip(pair, (before, after), strict=True) if not found],
        labels=labels,
        class_index=class_index,
        sort=sort,
        page=page,
        counts=differences.count(),
        has_mask=lambda job, image: remote.is_file(mask_file(current_settings(), job, image.path)),
        heat_of=lambda difference: Change(difference).heat,
        change_query=change_query,
    )


def _read_class(n_classes: int) -> int | None:
    text = request.args.get("class", "")
    index = parse_integer(text)
    if text and (index is None or index >= n_classes):
        abort(400, f"class must be the index of a class from 0 to {n_classes - 1}, got {text!r}.")
    return index
