"""The results of a job image by image: the gallery, and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flask import Response, abort, current_app, render_template, request, send_file

from deeplab import remote
from deeplab.files import printable
from deeplab.images.palette import Colours
from deeplab.inference.output import frame_mask_path
from web.access.paths import may_be_shown
from web.context import current_settings, reading
from web.pages.paging import read_number
from web.results.classes import ClassShare, class_shares, name_of
from web.results.films import film_of
from web.results.images import inside, send_image, send_mask
from web.results.lookup import find_image, find_manifest, find_results, remember
from web.results.orders import orders_for
from worker.jobs import jobs
from worker.jobs.exports.catalog import FORMATS
from worker.jobs.jobs import Job
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.results.answers import Image, Page
from worker.jobs.results.filters import Filter, QuestionError
from worker.jobs.results.job_files import class_colours, class_names, image_file, mask_file, output_dir, reading_of
from worker.jobs.results.questions import Question, read_question
from worker.jobs.results.store import Results

_NOTHING = Page(images=[], values=[], previous=None, following=None, first=0)


@dataclass(frozen=True)
class Found:
    """What the gallery found for an address."""

    question: Question
    page: Page
    n_images: int
    n_good: int  # without an error
    problem: str | None  # why the address cannot be answered


def list_results(job_id: int) -> tuple[str, int]:
    """Show a page of the gallery; the address holds filter, order and cursor."""
    job, results = find_results(job_id)
    found = _find(results)
    remember(job, found.page.images)
    summary = results.summarize()
    names = class_names(current_settings(), job)
    page = render_template(
        "results.html",
        job=job,
        summary=summary,
        found=found,
        question=found.question,
        orders=orders_for(summary, found.question.wanted, names),
        names=names,
        shares=_shares_of_all(results, names, class_colours(job)),
        name_of=name_of,
        formats=FORMATS if job.kind == "segment" or job.spec.get("save_masks") else {},
        manifest=find_manifest(job),
        retries=_retries(job),
        film_of=partial(film_of, current_settings(), job),
        has_mask=partial(_has_mask, job),
    )
    return page, 422 if found.problem else 200


def image(job_id: int, key: str) -> Response:
    """Send the image of an item, at most ?size= pixels a side."""
    job, found = find_image(job_id, key)
    if found.frames is not None:
        abort(404, f"{printable(found.path)} is a video, not an image.")
    inside(Path(), found.item)
    path = image_file(current_settings(), job, found.item)
    if not may_be_shown(job, path):
        abort(404, f"{printable(found.path)} leads out of the folders that its job may read.")
    return send_image(path, reading_of(job))


def mask(job_id: int, key: str) -> Response:
    """Send the mask of an image, or of a video's ?frame=, at most ?size= pixels a side; with ?download=1 the file."""
    job, found = find_image(job_id, key)
    inside(Path(), found.item)
    path = mask_file(current_settings(), job, found.item)
    if found.frames is not None:
        path = frame_mask_path(output_dir(current_settings(), job), found.item, read_number("frame"))
    if (found.frames is None and found.status != "ok") or not remote.is_file(path):
        abort(404, f"{printable(found.path)} has no mask.")
    if "download" not in request.args:
        return send_mask(path, class_colours(job))
    name = printable(path.name) if found.frames is None else f"{printable(found.item.rpartition('/')[2])}-{path.name}"
    version = remote.fetch(path).stat().st_mtime_ns  # Flask's own ETag fails for names that are not UTF-8
    return send_file(path, "image/png", as_attachment=True, download_name=name, etag=f"{version:x}")


def manifest(job_id: int) -> Response:
    """Send the manifest."""
    job, _ = find_results(job_id)
    path = find_manifest(job)
    if path is None:
        abort(404, f"There is no manifest until the job is through with all images; job {job_id} is {job.state}.")
    return send_file(remote.fetch(path), "text/csv", as_attachment=True, download_name=f"job-{job_id}-manifest.csv")


def _find(results: Results) -> Found:
    try:
        question = read_question(request.args.to_dict(flat=False))
        limit: int = current_app.config["IMAGES_PER_PAGE"]
        page = results.page(question.wanted, question.sort, question.cursor, limit)
        return Found(question, page, *results.counts(question.wanted), problem=None)
    except (SpecError, QuestionError) as error:
        return Found(Question(Filter(), "name", None), _NOTHING, 0, 0, str(error))


def _shares_of_all(results: Results, names: Sequence[str], colours: Colours) -> list[ClassShare]:
    totals = results.totals()
    pixels, n_images = ({each.index: getattr(each, name) for each in totals} for name in ("pixels", "n_images"))
    return class_shares(pixels, names, colours, n_images)


def _retries(job: Job) -> list[int]:
    with reading() as session:
        return jobs.list_retries_of_failed(session, job.id)


def _has_mask(job: Job, image: Image) -> bool:
    return image.status == "ok" and remote.is_file(mask_file(current_settings(), job, image.item))
