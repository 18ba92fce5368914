"""The job of an address, its results, and one image of them."""

from collections.abc import Iterable
from pathlib import Path

from flask import abort

from deeplab import remote
from deeplab.inference.output import manifest_path
from web.context import current_settings, reading
from worker.jobs import jobs, shards
from worker.jobs.catalog import KINDS_WITH_RESULTS, PASSING
from worker.jobs.jobs import Job
from worker.jobs.results.answers import Image
from worker.jobs.results.job_files import output_dir
from worker.jobs.results.opening import open_results
from worker.jobs.results.store import Results

_MOST_RECENT = 1024
_recent: dict[tuple[Path, int, int, str], Image] = {}


def find_results(job_id: int) -> tuple[Job, Results]:
    """Find the results of a job.

    Raises:
        NotFound: if jobs of its kind have none.
        OutputError: if they cannot be read.
    """
    job = _find_job(job_id)
    return job, open_results(current_settings(), job)


def find_image(job_id: int, key: str) -> tuple[Job, Image]:
    """Find an image or video of a job by its key; found ones are remembered, since pages ask for many pictures of one.

    Raises:
        NotFound: if there is none.
    """
    job, settings = _find_job(job_id), current_settings()
    found = _recent.get(_place(job, key)) or open_results(settings, job).find(key)
    if found is None:
        abort(404, "This job has no such image, or has not reached it yet.")
    remember(job, [found])
    return job, found


def remember(job: Job, images: Iterable[Image]) -> None:
    """Keep images of a job, whose pictures will be asked for, so that `find_image` need not look for them."""
    _recent.update({_place(job, image.key): image for image in images})
    while len(_recent) > _MOST_RECENT:
        _recent.pop(next(iter(_recent)), None)


def _place(job: Job, key: str) -> tuple[Path, int, int, str]:
    return current_settings().home, job.id, job.fence, key


def find_manifest(job: Job) -> Path | None:
    """The manifest of a segment job that is through with all images, even if every one of them failed; else None."""
    if job.kind != "segment" or not job.is_terminal:
        return None
    with reading() as session:
        counts = shards.counts(session, job.id)
    path = manifest_path(output_dir(current_settings(), job))
    return path if counts.n_shards and not counts.n_open and remote.is_file(path) else None


def _find_job(job_id: int) -> Job:
    with reading() as session:
        job = jobs.get(session, job_id)
    if job.kind not in (*KINDS_WITH_RESULTS, PASSING):
        abort(404, f"Jobs of the kind {job.kind}, such as job {job_id}, have no results of images.")
    return job
