"""Try a checkpoint on one image: send it, wait for it, and look at it again with another CRF."""

from flask import Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from deeplab.errors import DeepLabError
from web.access.uploads import IMAGE_BYTES
from web.actions import submission
from web.actions.uploading import receive_file
from web.context import current_settings, reading, signed_in
from worker.jobs import jobs, storage, uploads
from worker.jobs.catalog import PASSING, SUCCEEDED, parse_integer
from worker.jobs.jobs import Job, JobNotFoundError
from worker.jobs.records import aliases
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import (
    UPLOAD,
    parse_spec,
)
from worker.jobs.results.job_files import TRIED
from worker.jobs.results.record import item_key
from worker.jobs.uploads import UploadError
from worker.jobs.watching.waiting import find_obstacle

# Parameters of the CRF that have a slider: lowest and highest value, and step.
SLIDERS = {
    "ITER_MAX": ("Iterations", 1, 20, 1),
    "BI_W": ("Appearance: weight", 0, 20, 0.5),
    "BI_XY_STD": ("Appearance: range in space", 1, 160, 1),
    "BI_RGB_STD": ("Appearance: range in colour", 1, 50, 0.5),
    "POS_W": ("Smoothness: weight", 0, 20, 0.5),
    "POS_XY_STD": ("Smoothness: range", 0.5, 20, 0.5),
}


class NoImageError(DeepLabError):
    """A form to try a checkpoint came without an image."""

    def __init__(self) -> None:
        super().__init__("Choose an image to try.")


def try_checkpoint(name: str) -> AnyResponse:
    """Submit an image, sent with the form or that of an earlier try, and lead to the page that waits for it."""
    settings = current_settings()
    with reading() as session:
        found = aliases.find_checkpoint(session, name)
    try:
        spec = parse_spec(
            "try",
            {
                "checkpoint": CheckpointRef.of_id(found.id).text,
                "image": _image(),
                "crf": "crf" in request.form,
                "overrides": [f"CRF.{key}={value}" for key in SLIDERS if (value := request.form.get(key, "").strip())],
            },
        )
        submitted = submission.submit(settings, spec, user_id=signed_in().user_id)
    except (SpecError, UploadError, NoImageError) as error:
        sentences = error.fields.values() if isinstance(error, SpecError) else [str(error)]
        flash(uploads.without_folders(settings, " ".join(sentences)), "danger")
        return redirect(url_for("pages.show_checkpoint", name=found.id, _anchor="try"))
    for notice in submitted.notices:
        flash(notice, "warning")
    return redirect(url_for("pages.show_try", job_id=submitted.job.id))


def show_try(job_id: int) -> AnyResponse | str:
    """Wait for a try, and lead to the viewer once it is done."""
    with reading() as session:
        job = jobs.get(session, job_id)
        if job.kind != PASSING:
            raise JobNotFoundError(job_id)
        obstacle = find_obstacle(session, current_settings(), job)
    if job.state == SUCCEEDED:
        return _lead_to(url_for("pages.show_image", job_id=job.id, key=item_key(TRIED)))
    return render_template(
        "try.html", job=job, checkpoint=CheckpointRef.parse(job.checkpoint or "").id, obstacle=obstacle
    )


def _lead_to(address: str) -> AnyResponse:
    """Lead there, also from a poll of the page that waits."""
    if request.headers.get("HX-Request"):
        return Response(headers={"HX-Redirect": address})
    return redirect(address)


def _image() -> str:
    """The image of the form, as requests name it."""
    settings = current_settings()
    sent = request.files.get("image")
    if sent is not None and sent.filename:
        return UPLOAD + receive_file(settings, sent.filename, sent.stream, most=IMAGE_BYTES).id
    earlier = parse_integer(request.form.get("again", ""))
    if earlier is None:
        raise NoImageError
    with reading() as session:
        job: Job = jobs.get(session, earlier)
    if job.kind != PASSING:
        raise NoImageError
    return str(storage.tried_image_path(settings, job.id, job.fence))
