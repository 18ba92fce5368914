"""Jobs that labelled the same image into the same classes, so that their label maps can be laid over one another."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from deeplab.files import printable, real_path
from deeplab.inference.inputs import folder_of
from deeplab.mirrors import local_path
from worker.jobs import jobs
from worker.jobs.catalog import KINDS_WITH_RESULTS, QUEUED, SUCCEEDED
from worker.jobs.jobs import Job, JobSummary
from worker.jobs.results.answers import Image
from worker.jobs.results.job_files import class_names
from worker.jobs.results.opening import open_results
from worker.jobs.results.record import item_key
from worker.jobs.results.splits import find_id, split_of
from worker.jobs.settings import Settings
from worker.jobs.watching.job_list import JobFilter, list_jobs

_MOST = 50  # newest jobs of a kind that are looked through


class PartnerError(DeepLabError):
    """A job whose label map of an image cannot be compared with another job's."""


@dataclass(frozen=True)
class Labelled:
    """An image as one job labelled it."""

    job: Job
    image: Image


def list_partners(session: Session, job: Job, path: Path | None) -> list[Job]:
    """List the jobs that may have labelled an image, the newest first; the file is `path`, if that is known."""
    lines = [line for kind in KINDS_WITH_RESULTS for line in list_jobs(session, JobFilter(kind=kind), limit=_MOST)]
    found = [jobs.get(session, line.id) for line in lines if line.id != job.id and _has_labels(line)]
    return sorted((each for each in found if _may_have(session, job, path, each)), key=lambda each: -each.id)


def find_partner(
    session: Session, settings: Settings, job: Job, image: Image, path: Path | None, partner_id: int
) -> Labelled:
    """Find an image of a job among those of another one.

    Raises:
        JobNotFoundError: if there is no such job.
        PartnerError: if it has other classes or no such image.
    """
    partner = jobs.get(session, partner_id)
    if not _has_labels(partner):
        raise PartnerError(f"Job {partner.id} has labelled no images, so that there is nothing to compare.")
    difference = _difference(settings, job, partner)
    if difference:
        raise PartnerError(difference)
    item = _item_in(session, job, image, path, partner)
    found = None if item is None else open_results(settings, partner).find(item_key(item))
    if found is None or found.status != "ok":
        raise PartnerError(f"Job {partner.id} has no label map of {printable(image.path)}.")
    return Labelled(partner, found)


def find_refined(session: Session, job: Job) -> Job | None:
    """The job before or after the CRF: of an evaluate job the newest that refined it, of a crf job what it refined."""
    if job.kind == "crf":
        return jobs.get(session, job.spec["evaluate_job"])
    lines = list_jobs(session, JobFilter(kind="crf", state=SUCCEEDED), limit=_MOST) if job.kind == "evaluate" else []
    found = next((line.id for line in lines if line.evaluate_job == job.id and _has_labels(line)), None)
    return None if found is None else jobs.get(session, found)


def _has_labels(job: JobSummary) -> bool:
    """Whether a job has labelled images, or begun to."""
    return job.kind in KINDS_WITH_RESULTS and not job.spec.get("grid") and job.state != QUEUED


def _difference(settings: Settings, job: Job, other: Job) -> str:
    """Say how the classes of two jobs differ; empty if they do not."""
    here, there = class_names(settings, job), class_names(settings, other)
    if len(here) != len(there):
        return (
            f"Job {other.id} tells {len(there)} classes apart and job {job.id} {len(here)};"
            " their label maps cannot be compared."
        )
    for index, (name, its_name) in enumerate(zip(here, there, strict=True)):
        if name != its_name:
            return (
                f"Class {index} is {its_name!r} for job {other.id} and {name!r} for job {job.id};"
                " their label maps cannot be compared."
            )
    return ""


def _may_have(session: Session, job: Job, path: Path | None, other: Job) -> bool:
    if other.config["DATASET"]["N_CLASSES"] != job.config["DATASET"]["N_CLASSES"]:
        return False
    split, its_split = split_of(session, job), split_of(session, other)
    if split is not None and its_split is not None:
        return split.has_images_of(its_split) or _is_below(path, its_split.root)
    return _is_below(path, _folder_of(other) if its_split is None else its_split.root)


def _item_in(session: Session, job: Job, image: Image, path: Path | None, other: Job) -> str | None:
    """The path or id of an image in another job's results."""
    split, its_split = split_of(session, job), split_of(session, other)
    if split is not None and its_split is not None and split.has_images_of(its_split):
        return image.path
    if path is None:
        return None
    if its_split is not None:
        return find_id(its_split, path) if _is_below(path, its_split.root) else None
    folder = _folder_of(other)
    return str(real_path(path).relative_to(real_path(folder))) if _is_below(path, folder) else None


def _folder_of(job: Job) -> Path:
    return folder_of(local_path(job.spec["input"]))


def _is_below(path: Path | None, folder: Path | None) -> bool:
    return path is not None and folder is not None and real_path(path).is_relative_to(real_path(folder))
