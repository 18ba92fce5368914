"""What the results answer: images, pages of them, and sums over them."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

IMAGE_COLUMNS = (
    '"key"',
    "path",
    "raw_path",
    "width",
    "height",
    "status",
    "error",
    "seconds",
    "frames",
    "confidence",
    "label_quality",
    "pixel_accuracy",
    "mean_iou",
)


@dataclass(frozen=True)
class ClassInImage:
    """One class in one image; what was not computed is None."""

    index: int
    pixels: int  # of the label map
    share: float  # of the image's pixels
    iou: float | None
    confidence: float | None
    label_quality: float | None


@dataclass(frozen=True)
class Image:
    """One image, or video, of a job."""

    key: str
    path: str  # as it can be shown
    file: bytes  # the path's own bytes
    width: int | None
    height: int | None
    status: str
    error: str
    seconds: float
    frames: int | None
    confidence: float | None
    label_quality: float | None
    pixel_accuracy: float | None
    mean_iou: float | None

    @property
    def item(self) -> str:
        """The path as the job read it: relative to the input folder, or the id in the split."""
        return os.fsdecode(self.file)


@dataclass(frozen=True)
class Page:
    """Some images in an order, with the cursors of the pages beside it; None where there is none."""

    images: Sequence[Image]
    values: Sequence[Any]  # by which they are in order; None where that is not known
    previous: str | None
    following: str | None
    first: int  # place of the first image in the whole order, from 0 on


@dataclass(frozen=True)
class Summary:
    """What a job has done so far."""

    n_images: int = 0  # videos among them
    n_errors: int = 0  # of these
    n_videos: int = 0
    n_good_videos: int = 0  # without an error
    n_frames: int = 0  # of these
    n_scored: int = 0  # images with a mean IoU
    n_confident: int = 0  # ... with a confidence
    n_judged: int = 0  # ... with a label quality

    @property
    def n_good(self) -> int:
        """How many images have no error."""
        return self.n_images - self.n_errors


@dataclass(frozen=True)
class ClassTotal:
    """One class over all images of a job."""

    index: int
    pixels: int
    n_images: int


def as_key(number: int) -> str:
    """The key of an image as addresses have it."""
    return f"{number:016x}"


def image_of(row: Sequence[Any]) -> Image:
    """The image in a row of `IMAGE_COLUMNS`."""
    key, path, raw_path, *others = row
    return Image(as_key(key), path, path.encode() if raw_path is None else bytes(raw_path), *others)


def classes_of(listed: Sequence[Mapping[str, Any]] | None) -> list[ClassInImage]:
    """The classes in a value of the column `classes`, the largest first."""
    names = ("pixels", "share", "iou", "confidence", "label_quality")
    classes = [ClassInImage(each["class"], *(each[name] for name in names)) for each in listed or ()]
    return sorted(classes, key=lambda each: -each.pixels)
