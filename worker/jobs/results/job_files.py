"""Which files belong to a job's results: image and mask of each item; and what its classes are called and coloured."""

from pathlib import Path

from deeplab import remote
from deeplab.datasets.class_colours import class_colours_of
from deeplab.datasets.class_names import class_names_of, load_class_names
from deeplab.images.bands import Reading
from deeplab.images.palette import Colours
from deeplab.inference.inputs import folder_of
from deeplab.inference.output import find_mask
from deeplab.mirrors import local_path
from deeplab.schema import Dataset
from worker.jobs import storage
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.records import evaluations
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
    """The names of a job's classes: as it recorded them, else as its labels file says.

    Raises:
        DatasetError: if the labels file is gone or damaged.
    """
    return _recorded_names(settings, job) or class_names_of(_dataset_of(job))


def class_colours(job: Job) -> Colours:
    """The colours that a job's classes are shown in, in pictures and tables alike. Masks on disk keep their palette."""
    return class_colours_of(_dataset_of(job))


def _recorded_names(settings: Settings, job: Job) -> list[str]:
    """The names that a job left beside its masks or scores; empty if it has left none yet."""
    if job.kind == "segment":
        labels = output_dir(settings, job) / "labels.txt"
        return load_class_names(labels) if remote.is_file(labels) else []
    with open_session(settings, reads_only=True) as session:
        evaluation = evaluations.find(session, job.id)
    return list(evaluation.scores.get("labels", ())) if evaluation else []


def _dataset_of(job: Job) -> Dataset:
    return Dataset.model_validate(job.config["DATASET"])
