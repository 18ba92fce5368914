"""The files of one image of a job: the image itself, its ground truth, and what the job made of it."""

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from deeplab.datasets.pairs import Pair
from deeplab.datasets.sample import Sample
from deeplab.datasets.split import SplitDataset
from deeplab.errors import DeepLabError
from deeplab.images.bands import Reading
from deeplab.inference.inputs import folder_of
from deeplab.inference.output import confidence_path, find_mask
from web.results.images import inside
from web.results.splits import SplitRef, find_pair, split_of
from worker.jobs import storage
from worker.jobs.jobs import Job
from worker.jobs.results.answers import Image
from worker.jobs.results.job_files import output_dir, reading_of
from worker.jobs.settings import Settings


@dataclass(frozen=True)
class Truth:
    """The ground truth of an image of a split."""

    pair: Pair
    dataset: SplitDataset  # of this image alone

    @property
    def path(self) -> Path:
        """The file that holds it."""
        return self.pair.ground_truth.path

    @property
    def parameters(self) -> str:
        """What decides about the label map beside its files: the colours of masks, the outlines of objects."""
        return f"{self.dataset.n_classes} {self.dataset.ignore_label} {self.pair.ground_truth}"

    def read(self) -> Sample:
        """Read the image with its ground truth. Raises ImageError or DatasetError as `read_sample` does."""
        return self.dataset[0]


@dataclass(frozen=True)
class ImageFiles:
    """Where the files of an image are; what a job made of it may be missing."""

    image: Path | None  # None: nobody knows any more, and `problem` says why
    reading: Reading
    labels: Path
    confidence: Path
    truth: Truth | None = None
    warp_side: int | None = None  # the job saw the image as a square of so many pixels
    problem: str = ""


def find_files(session: Session, settings: Settings, job: Job, image: Image) -> ImageFiles:
    """Find the files of an image of a segment, evaluate or crf job.

    Raises:
        NotFound: if the image's path would lead out of the job's folders; results never contain such paths.
    """
    item = os.fsdecode(image.file)
    split = split_of(session, job)
    if split is not None:
        return _evaluated(settings, job, split, item)
    folder = output_dir(settings, job)
    return ImageFiles(
        image=inside(folder_of(Path(job.spec["input"])), item),
        reading=reading_of(job),
        labels=find_mask(folder, str(inside(Path(), item))),
        confidence=confidence_path(folder, item),
    )


def _evaluated(settings: Settings, job: Job, split: SplitRef, item: str) -> ImageFiles:
    labels = inside(storage.label_maps_dir(settings, job.id, job.fence), f"{item}.png")
    confidence = inside(storage.confidence_dir(settings, job.id, job.fence), f"{item}.png")
    reading = reading_of(job)
    try:
        listed = find_pair(split, item)
    except DeepLabError as error:
        return ImageFiles(None, reading, labels, confidence, problem=str(error))
    return ImageFiles(
        image=listed.pair.image,
        reading=reading,
        labels=labels,
        confidence=confidence,
        truth=Truth(listed.pair, _one_image(split, listed.pair, listed.warp_side, reading))
        if listed.labelled
        else None,
        warp_side=listed.warp_side,
    )


def _one_image(split: SplitRef, pair: Pair, warp_side: int | None, reading: Reading) -> SplitDataset:
    dataset = split.dataset
    return SplitDataset(split.name, [pair], dataset.N_CLASSES, dataset.IGNORE_LABEL, warp_side, reading)
