"""The gallery of a segment job: images under their masks, and labelled videos."""

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from flask import Response, abort, current_app, render_template, request, send_file
from sqlalchemy.orm import Session

from deeplab.files import printable
from deeplab.inference.inputs import folder_of
from deeplab.inference.manifest import Row
from deeplab.inference.output import find_mask, frame_mask_path
from web.context import current_settings, reading
from web.results.films import film_of
from web.results.images import inside, send_image, send_mask
from web.results.segmentation import (
    class_names,
    class_shares,
    find_manifest,
    item_key,
    load_results,
    output_dir,
    reading_of,
)
from worker.jobs import jobs
from worker.jobs.jobs import Job


def list_results(job_id: int) -> str:
    """Show a page of the gallery; ?only=errors and ?class= filter, ?page= pages."""
    with reading() as session:
        job = _segment_job(session, job_id)
        results = load_results(session, current_settings(), job)
        has_manifest = find_manifest(session, current_settings(), job) is not None
    rows = _filtered(results.rows)
    per_page: int = current_app.config["IMAGES_PER_PAGE"]
    n_pages = max(1, math.ceil(len(rows) / per_page))
    page = min(max(request.args.get("page", 1, int), 1), n_pages)
    names = class_names(current_settings(), job)
    return render_template(
        "results.html",
        job=job,
        results=results,
        has_manifest=has_manifest,
        rows=rows[(page - 1) * per_page : page * per_page],
        n_rows=len(rows),
        page=page,
        n_pages=n_pages,
        shares=class_shares(results.pixels, names),
        filters=_filters(),
        item_key=item_key,
        film_of=partial(film_of, current_settings(), job),
    )


def image(job_id: int, key: str) -> Response:
    """Send the image of an item, at most ?size= pixels a side."""
    job, row = find_row(job_id, key)
    if row.frames is not None:
        abort(404, f"{printable(row.path)} is a video, not an image.")
    return send_image(inside(folder_of(Path(job.spec["input"])), row.path), reading_of(job))


def mask(job_id: int, key: str) -> Response:
    """Send the mask of an image, or of a video's ?frame=, at most ?size= pixels a side; with ?download=1 the file."""
    job, row = find_row(job_id, key)
    folder = output_dir(current_settings(), job)
    inside(folder, row.path)
    path = find_mask(folder, row.path)
    if row.frames is not None:
        path = frame_mask_path(folder, row.path, max(0, request.args.get("frame", 0, int)))
    elif row.status != "ok":
        abort(404, f"{printable(row.path)} has no mask.")
    if not path.is_file():
        abort(404, f"{printable(row.path)} has no mask.")
    if "download" not in request.args:
        return send_mask(path)
    name = printable(path.name) if row.frames is None else f"{printable(row.path.rpartition('/')[2])}-{path.name}"
    version = path.stat().st_mtime_ns  # Flask's own ETag fails for names that are not UTF-8
    return send_file(path, "image/png", as_attachment=True, download_name=name, etag=f"{version:x}")


def manifest(job_id: int) -> Response:
    """Send the manifest."""
    with reading() as session:
        job = _segment_job(session, job_id)
        path = find_manifest(session, current_settings(), job)
    if path is None:
        abort(404, f"There is no manifest until the job is through with all images; job {job_id} is {job.state}.")
    return send_file(path, "text/csv", as_attachment=True, download_name=f"job-{job_id}-manifest.csv")


def find_row(job_id: int, key: str) -> tuple[Job, Row]:
    """Find an item of a segment job by its key. Raises NotFound."""
    with reading() as session:
        job = _segment_job(session, job_id)
        results = load_results(session, current_settings(), job)
    return job, _row(results.by_key.get(key))


def _segment_job(session: Session, job_id: int) -> Job:
    job = jobs.get(session, job_id)
    if job.kind != "segment":
        abort(404, f"Job {job_id} is a {job.kind} job; only segment jobs have results.")
    return job


def _row(row: Row | None) -> Row:
    return row if row is not None else abort(404, "This job has no such image, or has not reached it yet.")


def _filtered(rows: Sequence[Row]) -> list[Row]:
    wanted = request.args.get("class", type=int)
    return [
        row
        for row in rows
        if (request.args.get("only") != "errors" or row.status == "error")
        and (wanted is None or row.pixels.get(wanted))
    ]


def _filters() -> dict[str, str]:
    """The filters in use, for links that keep them."""
    return {name: request.args[name] for name in ("only", "class") if request.args.get(name)}
