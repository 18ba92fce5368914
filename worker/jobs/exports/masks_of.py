"""The masks of a job one after the other, under the names that they are exported with."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from deeplab import remote
from deeplab.errors import DatasetError, DeepLabError, OutputError
from deeplab.files import printable
from deeplab.images.kinds import NAMED_SUFFIXES
from deeplab.images.masks import read_mask
from deeplab.inference.output import frame_mask_path
from worker.jobs.catalog import KINDS_WITH_RESULTS
from worker.jobs.jobs import Job
from worker.jobs.results.answers import Image
from worker.jobs.results.filters import Filter
from worker.jobs.results.job_files import class_names, image_file, mask_file, output_dir
from worker.jobs.results.store import Results
from worker.jobs.settings import Settings


class NothingToExportError(DeepLabError):
    """There is no mask to export."""


@dataclass(frozen=True)
class Mask:
    """One mask to export."""

    name: str  # without suffix, `/` between the parts: "a" for the image "a.jpg"; may contain surrogate escapes
    image: str  # the path of its image, likewise; of a frame of a video the video's, and the frame's number
    path: Path
    n_classes: int

    def read(self) -> NDArray[np.uint8]:
        """Read the label map, (H, W).

        Raises:
            OutputError: if the file is gone, or holds a class without a name.
            ImageError: if it cannot be decoded.
        """
        self.require()
        label_map = read_mask(self.path)
        if label_map.size and int(label_map.max()) >= self.n_classes:
            raise OutputError(
                f"{printable(self.path)}: holds the class {label_map.max()}, but the job has {self.n_classes} classes."
            )
        return label_map

    def require(self) -> None:
        """Check that the file is there.

        Raises:
            OutputError: if it is not.
        """
        if not remote.is_file(self.path):
            raise OutputError(f"{printable(self.path)}: the mask of {printable(self.image)} is gone.")


@dataclass(frozen=True)
class Selection:
    """The images of a job whose masks are exported."""

    settings: Settings
    job: Job
    results: Results
    wanted: Filter

    @cached_property
    def names(self) -> list[str]:
        """The names of the classes."""
        return class_names(self.settings, self.job)

    @cached_property
    def shared(self) -> Collection[str]:
        """Names that several images of the job would share without their suffixes, which these therefore keep."""
        return self.results.shared_stems() if self.job.kind == "segment" else ()

    def masks(self) -> Iterator[Mask]:
        """Yield the masks by name; those of a video frame by frame."""
        for image in self.results.stream(replace(self.wanted, status="ok")):
            if image.frames is None:
                path = mask_file(self.settings, self.job, image.item)
                yield Mask(self._name_of(image), self._image_of(image), path, len(self.names))
            else:
                yield from self._frames(image)

    def require_some(self) -> None:
        """Look for the first mask, so that what is wrong with all of them is said before anything is sent.

        Raises:
            NothingToExportError: if there is none.
            OutputError: if its file is gone.
        """
        require_masks(self.job)
        if self.wanted.status == "error":
            raise NothingToExportError("Images that failed have no masks to export.")
        first = next(self.masks(), None)
        if first is None:
            raise NothingToExportError(f"Job {self.job.id} has no masks of such images.")
        if self.job.kind != "segment" and not self.job.spec.get("save_masks"):
            raise NothingToExportError(f"Job {self.job.id} was run without saving its masks.")
        first.require()

    def _name_of(self, image: Image) -> str:
        if self.job.kind != "segment" or stem_of(image.path) in self.shared:
            return image.item
        return stem_of(image.item)

    def _image_of(self, image: Image) -> str:
        """The path of an image; of an evaluated one its id with the suffix, as far as the dataset is still there."""
        if self.job.kind == "segment":
            return image.item
        try:
            return f"{image.item}{image_file(self.settings, self.job, image.item).suffix}"
        except DatasetError:
            return image.item

    def _frames(self, video: Image) -> Iterator[Mask]:
        folder = frame_mask_path(output_dir(self.settings, self.job), video.item, 0).parent
        for path in sorted(folder / each.name for each in remote.scan(folder) if each.name.endswith(".png")):
            yield Mask(f"{video.item}/{path.stem}", f"{video.item}/{path.name}", path, len(self.names))


def require_masks(job: Job) -> None:
    """Check that jobs of this kind make masks.

    Raises:
        NothingToExportError: if they do not.
    """
    if job.kind not in KINDS_WITH_RESULTS:
        raise NothingToExportError(f"Jobs of the kind {job.kind}, such as job {job.id}, have no masks.")


def stem_of(path: str) -> str:
    """The path of an image without its suffix."""
    suffix = PurePosixPath(path).suffix
    return path.removesuffix(suffix) if suffix.lower() in NAMED_SUFFIXES else path
