"""What a folder holds that is to be registered: splits, classes and version, and a quick look at images and masks.

All of it is read before the transaction that registers the folder.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from deeplab import remote
from deeplab.config import parse_config
from deeplab.datasets.checking.samples import judge_quickly
from deeplab.datasets.layouts.by_name import list_split
from deeplab.datasets.layouts.published_survey import survey_published
from deeplab.datasets.layouts.survey import PALETTE, FolderSurvey, SurveyLimits, survey_folder
from deeplab.datasets.pairs import SplitListing
from deeplab.datasets.version import DatasetVersion, dataset_version
from deeplab.errors import DatasetError
from deeplab.mirrors import local_path, shown
from deeplab.schema import Dataset as DatasetSection
from worker.jobs import storage

# The shipped labels file of a layout, for a dataset that brings none.
_SHIPPED_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "voc": "voc12.txt",
        "vocaug": "voc12.txt",
        "cocostuff10k": "cocostuff.txt",
        "cocostuff164k": "cocostuff.txt",
        "coco": "coco.txt",
    }
)
# What DATASET.SPLIT is where it differs from the usual names.
_USUAL_SPLITS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "vocaug": ("train_aug", "val"),
        "cocostuff10k": ("train", "test"),
        "cocostuff164k": ("train2017", "val2017"),
        "coco": ("train2017", "val2017"),
    }
)
_NO_LIMITS = SurveyLimits()


class UnusableDatasetError(DatasetError):
    """A folder that no job could use as it is."""


@dataclass(frozen=True)
class Surveyed:
    """A folder as a survey and a quick look found it."""

    folder: FolderSurvey
    version: DatasetVersion
    category_ids: str | None = None  # DATASET.CATEGORY_IDS of the layout coco
    doubts: list[str] = field(default_factory=list)  # sentences about what may be wrong

    @property
    def root(self) -> Path:
        """The folder."""
        return self.folder.root

    @property
    def splits(self) -> dict[str, int]:
        """Number of images by split."""
        return {name: each.n_images for name, each in self.version.splits.items()}

    @property
    def notes(self) -> list[str]:
        """A sentence for each thing that people should know of the folder."""
        return [*self.doubts, *self.folder.notes]

    def as_json(self) -> dict[str, Any]:
        """What the API and `--json` say of it beside the registered dataset."""
        return {
            "version": self.version.digest,
            "doubts": self.doubts,
            "passed_over": self.folder.passed_over,
            "other_texts": self.folder.other_texts,
        }


def survey(
    root: Path,
    labels: Path | None = None,
    *,
    layout: str = "folder",
    category_ids: str | None = None,
    limits: SurveyLimits = _NO_LIMITS,
) -> Surveyed:
    """Look what a folder holds, and whether jobs could use it.

    Args:
        root: the folder.
        labels: the labels file; None: labels.txt in the folder, or else the shipped one of a published layout.
        layout: as DATASET.NAME.
        category_ids: as DATASET.CATEGORY_IDS, for the layout coco.
        limits: what is refused as too much.

    Raises:
        LabelsFileError: if the labels file is missing or malformed.
        UnusableDatasetError: if there are no masks, or they and the classes do not fit together.
        DatasetError: if the folder lacks something that its layout requires, or there is too much of it.
    """
    if layout == "folder":
        folder = survey_folder(root, labels, limits=limits)
    else:
        folder = survey_published(layout, root, labels or _labels_of(root, layout), limits=limits)
    section = section_for(layout, shown(folder.root), shown(folder.labels), len(folder.class_names), category_ids)
    config = parse_config({"DATASET": section}, f"dataset {folder.root}")
    listings, problems = _list_splits(config.DATASET, folder)
    verdict = judge_quickly(config, listings)
    if verdict.faults:
        raise UnusableDatasetError(verdict.faults[0])
    return Surveyed(folder, dataset_version(folder.class_names, listings), category_ids, [*problems, *verdict.doubts])


def _labels_of(root: Path, layout: str) -> Path:
    own = root / "labels.txt"
    return own if remote.is_file(own) else storage.configs_dir() / "labels" / _SHIPPED_LABELS[layout]


def section_for(layout: str, root: str, labels: str, n_classes: int, category_ids: str | None) -> dict[str, Any]:
    """The section DATASET of a configuration for a registered folder.

    A palette.txt in the folder becomes DATASET.PALETTE. DATASET.SPLIT is named where a published layout has other names
    than a configuration without it.
    """
    palette = local_path(root) / PALETTE
    has_palette = layout not in ("coco", "cocostuff10k") and remote.is_file(palette)
    section: dict[str, Any] = {
        "NAME": layout,
        "ROOT": root,
        "LABELS": labels,
        "PALETTE": str(palette) if has_palette else None,
        "N_CLASSES": n_classes,
    }
    if category_ids is not None:
        section["CATEGORY_IDS"] = category_ids
    if layout in _USUAL_SPLITS:
        section["SPLIT"] = dict(zip(("TRAIN", "VAL"), _USUAL_SPLITS[layout], strict=True))
    return section


def _list_splits(settings: DatasetSection, folder: FolderSurvey) -> tuple[list[SplitListing], list[str]]:
    """List the splits, and say which of them cannot be listed. Raises DatasetError if none can."""
    listings, problems = [], []
    for split in folder.splits:
        try:
            listings.append(list_split(settings, split))
        except DatasetError as error:
            problems.append(f"The split {split} cannot be used: {error}")
    if not listings:
        raise DatasetError(problems[0])
    return listings, problems
