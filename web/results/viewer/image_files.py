"""The files of one image of a job: the image itself, its ground truth, and what the job made of it."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from deeplab.datasets.pairs import Pair
from deeplab.datasets.sample import Sample
from deeplab.datasets.split import SplitDataset
from deeplab.errors import DeepLabError
from deeplab.images.bands import AS_TAGGED, Reading
from deeplab.inference.inputs import folder_of
from deeplab.inference.output import confidence_path
from deeplab.mirrors import local_path
from web.results.images import inside
from worker.jobs import storage
from worker.jobs.jobs import Job
from worker.jobs.results.answers import Image
from worker.jobs.results.job_files import image_file, mask_file, output_dir, reading_of
from worker.jobs.results.splits import ListedPair, SplitRef, find_pair, split_of
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
    labels: Path | None = None  # None: of an image that no job has seen
    confidence: Path | None = None
    truth: Truth | None = None
    warp_side: int | None = None  # the job saw the image as a square of so many pixels
    problem: str = ""
    refined: Path | None = None  # the label map after the CRF, where the job itself has made both


def find_files(session: Session, settings: Settings, job: Job, image: Image) -> ImageFiles:
    """Find the files of an image of a segment, evaluate or crf job.

    Raises:
        NotFound: if the image's path would lead out of the job's folders; results never contain such paths.
    """
    item = image.item
    inside(Path(), item)
    labels, reading = mask_file(settings, job, item), reading_of(job)
    if job.kind == "try":
        confidence = storage.confidence_dir(settings, job.id, job.fence) / f"{item}.png"
        alone = storage.label_maps_dir(settings, job.id, job.fence) / f"{item}.png"
        refined = storage.refined_path(settings, job.id, job.fence)
        return ImageFiles(image_file(settings, job, item), AS_TAGGED, alone, confidence, refined=refined)
    split = split_of(session, job)
    if split is None:
        confidence = confidence_path(output_dir(settings, job), item)
        return ImageFiles(folder_of(local_path(job.spec["input"])) / item, reading, labels, confidence)
    confidence = storage.confidence_dir(settings, job.id, job.fence) / f"{item}.png"
    try:
        listed = find_pair(split, item)
    except DeepLabError as error:
        return ImageFiles(None, reading, labels, confidence, problem=str(error))
    return ImageFiles(
        listed.pair.image, reading, labels, confidence, _truth_of(split, listed, reading), listed.warp_side
    )


def files_of_split(split: SplitRef, listed: ListedPair) -> ImageFiles:
    """The files of an image of a split, whatever jobs say of it."""
    truth = _truth_of(split, listed, AS_TAGGED)
    return ImageFiles(listed.pair.image, AS_TAGGED, truth=truth, warp_side=listed.warp_side)


def _truth_of(split: SplitRef, listed: ListedPair, reading: Reading) -> Truth | None:
    return Truth(listed.pair, _one_image(split, listed, reading)) if listed.labelled else None


def _one_image(split: SplitRef, listed: ListedPair, reading: Reading) -> SplitDataset:
    dataset = split.dataset
    return SplitDataset(split.name, [listed.pair], dataset.N_CLASSES, dataset.IGNORE_LABEL, listed.warp_side, reading)
