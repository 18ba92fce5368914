"""The images of registered datasets, with their ground truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from flask import abort
from sqlalchemy.orm import Session

from deeplab.confinement import lies_under
from deeplab.datasets.class_colours import class_colours_of
from deeplab.errors import DatasetError, DeepLabError
from deeplab.images.palette import Colours
from deeplab.schema import Dataset as DatasetSection
from web.access.paths import readable_roots
from web.access.turns import turn_to_decode
from web.context import current_settings, reading
from web.results.classes import name_of
from web.results.viewer.class_rows import ClassRow
from web.results.viewer.image_files import ImageFiles, files_of_split
from worker.jobs import dataset_versions, datasets
from worker.jobs.datasets import Dataset
from worker.jobs.results import splits
from worker.jobs.results.record import item_key
from worker.jobs.results.splits import SplitRef, find_by_key


@dataclass(frozen=True)
class Named:
    """An image of a split by its id, and by what stands for it in addresses."""

    id: str
    key: str
    labelled: bool  # whether it has a mask


@dataclass(frozen=True)
class SplitImage:
    """An image of a split with its files."""

    dataset: Dataset
    split: SplitRef
    id: str
    files: ImageFiles

    @property
    def section(self) -> DatasetSection:
        """The section DATASET."""
        return self.split.dataset

    @property
    def colours(self) -> Colours:
        """The colours of the classes."""
        return class_colours_of(self.section)


def find_split(session: Session, name: str, split: str) -> tuple[Dataset, SplitRef]:
    """Find a split of a registered dataset.

    Raises:
        DatasetNotFoundError: if there is no such dataset.
        NotFound: if it has no such split.
    """
    dataset = datasets.get_by_name(session, name)
    if split not in dataset.splits:
        abort(404, f"{dataset.name} has no split of that name.")
    return dataset, SplitRef.of(datasets.config_of(dataset).DATASET.model_dump(mode="json"), split)


def find_image(name: str, split: str, key: str) -> SplitImage:
    """Find an image of a split by its key.

    Raises:
        DatasetNotFoundError: if there is no such dataset.
        DatasetError: if the split cannot be listed any more.
        NotFound: if there is no such split or image, or it leads out of the folders that may be shown.
    """
    with reading() as session:
        dataset, ref = find_split(session, name, split)
    listed = find_by_key(ref, key)
    if listed is None:
        abort(404, f"The split {split} of {dataset.name} has no such image.")
    found = SplitImage(dataset, ref, listed.pair.id, files_of_split(ref, listed))
    _require_allowed(found)
    return found


def list_images(split: SplitRef, search: str = "") -> list[Named]:
    """The images of a split in its order; those whose id holds a text, if one is given.

    Raises:
        DatasetError: if the split cannot be listed any more.
    """
    wanted = search.lower()
    listed = ((each.pair.id, each.labelled) for each in splits.list_images(split))
    return [
        Named(image_id, item_key(image_id), labelled) for image_id, labelled in listed if wanted in image_id.lower()
    ]


def class_names(session: Session, dataset: Dataset) -> Sequence[str]:
    """The names of a dataset's classes when it was last looked at."""
    versions = dataset_versions.list_versions(session, dataset.id)
    return versions[0].class_names if versions else [f"class {index}" for index in range(dataset.n_classes)]


def count_classes(image: SplitImage, names: Sequence[str]) -> tuple[list[ClassRow], str | None]:
    """The classes of an image's ground truth, the largest first, and what is wrong with it in a sentence."""
    truth = image.files.truth
    if truth is None:
        return [], "This image has no mask."
    try:
        with turn_to_decode(current_settings()):
            label_map = truth.read().label_map
    except DeepLabError as error:
        return [], str(error)
    counts = np.bincount(label_map.ravel(), minlength=256)
    return [
        ClassRow(index, name_of(index, names), "#" + bytes(image.colours[index]).hex(), share, None, None)
        for index, share in sorted(enumerate(counts / max(label_map.size, 1)), key=lambda each: -each[1])
        if share and index != image.section.IGNORE_LABEL
    ], None


def _require_allowed(image: SplitImage) -> None:
    """Refuse files that links of a folder lead to elsewhere, unless somebody with a shell registered it."""
    if not image.dataset.confined:
        return
    roots = [*readable_roots(current_settings()), Path(image.dataset.root)]
    truth = image.files.truth
    for path in (image.files.image, truth.path if truth else None):
        if path is not None and not lies_under(path, roots):
            abort(404, "The file leads out of the folders that the dashboard may show.")


def describe_problem(split: SplitRef) -> str | None:
    """Why a split cannot be listed any more; None if it can."""
    try:
        splits.list_images(split)
    except DatasetError as error:
        return str(error)
    return None
