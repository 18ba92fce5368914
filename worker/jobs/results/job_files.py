"""Which files belong to a job's results: the image and the mask of each item, and the names of the classes."""

from pathlib import Path

from deeplab import remote
from deeplab.config import parse_config
from deeplab.datasets.class_names import class_names_of, load_class_names
from deeplab.images.bands import Reading
from deeplab.inference.inputs import folder_of
from deeplab.inference.output import find_mask
from deeplab.mirrors import local_path
from worker.jobs import storage
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.results.splits import find_pair, split_of
from worker.jobs.settings import Settings

TRIED = "image"  # the item of a try job


def image_file(settings: Settings, job: Job, item: str) -> Path:
    """Find the image of an item; a video, too. The file may be gone.

    Raises:
        DatasetError: if the dataset of an evaluation is gone, or no longer has the image.
    """
    if job.kind == "try":
        return storage.tried_image_path(settings, job.id, job.fence)
    with open_session(settings, reads_only=True) as session:
        split = split_of(session, job)
    if split is None:
        return folder_of(local_path(job.spec["input"])) / item
    return find_pair(split, item).pair.image


def mask_file(settings: Settings, job: Job, item: str) -> Path:
    """Find the mask that a job has made of an image, after the CRF if it refines it; there may be none."""
    if job.kind == "segment":
        return find_mask(output_dir(settings, job), item)
    if job.spec.get("crf"):  # of a try
        return storage.refined_path(settings, job.id, job.fence)
    return storage.label_maps_dir(settings, job.id, job.fence) / f"{item}.png"


def output_dir(settings: Settings, job: Job) -> Path:
    """Where a segment job writes."""
    return storage.output_dir(settings, job.id, job.spec["output"])


def reading_of(job: Job) -> Reading:
    """How a job reads image files."""
    image = job.config["IMAGE"]
    bands, value_range = image.get("BANDS"), image.get("RANGE")  # jobs of earlier versions lack them
    return Reading(None if bands is None else tuple(bands), None if value_range is None else tuple(value_range))


def class_names(settings: Settings, job: Job) -> list[str]:
    """Read the names of a job's classes.

    Raises:
        DatasetError: if the labels file is damaged.
    """
    labels = output_dir(settings, job) / "labels.txt" if job.kind == "segment" else None
    if labels is not None and remote.is_file(labels):
        return load_class_names(labels)
    return class_names_of(parse_config(job.config, f"job {job.id}").DATASET)
