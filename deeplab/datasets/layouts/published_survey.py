"""Which splits a dataset of a published layout has, found out before it is registered. Torch-free."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deeplab import remote
from deeplab.datasets.layouts.survey import FolderSurvey, SurveyLimits, read_labels
from deeplab.errors import DatasetError
from deeplab.files import printable, real_path


@dataclass(frozen=True)
class _Published:
    """Where a layout names its splits."""

    folder: str  # below the dataset's
    prefix: str  # of the names of its files; empty for folders
    suffix: str
    example: str


_LAYOUTS: Mapping[str, _Published] = {
    "voc": _Published("VOC2012/ImageSets/Segmentation", "", ".txt", "train.txt"),
    "vocaug": _Published("VOC2012/ImageSets/SegmentationAug", "", ".txt", "train_aug.txt"),
    "cocostuff10k": _Published("imageLists", "", ".txt", "train.txt"),
    "cocostuff164k": _Published("images", "", "", "train2017"),
    "coco": _Published("annotations", "instances_", ".json", "instances_train2017.json"),
}


def survey_published(layout: str, root: Path, labels: Path, *, limits: SurveyLimits) -> FolderSurvey:
    """Look which splits a dataset of a published layout has.

    Args:
        layout: one of DATASET.NAME other than folder.
        root: the folder.
        labels: the labels file.
        limits: what is refused as too much.

    Raises:
        LabelsFileError: if the labels file is missing or malformed.
        DatasetError: if the folder is missing, or has no splits where the layout has them.
    """
    root, where = real_path(root), _LAYOUTS[layout]
    if not remote.is_folder(root):
        raise DatasetError(f"{printable(root)} is not a folder.")
    folder = root / where.folder
    entries = sorted(remote.scan(folder), key=lambda each: each.name) if remote.is_folder(folder) else []
    names = [each.name for each in entries if _names_split(folder / each.name, where)]
    if not names:
        raise DatasetError(
            f"{printable(root)} has no split of the layout {layout}; expected {where.folder}/{where.example} or the"
            " like."
        )
    for name in names:
        _require_bounded(folder / name, limits)
    class_names = read_labels(real_path(labels))
    splits = dict.fromkeys((name.removeprefix(where.prefix).removesuffix(where.suffix) for name in names), 0)
    return FolderSurvey(root, real_path(labels), class_names, splits, layout=layout)


def _names_split(path: Path, where: _Published) -> bool:
    if path.name.startswith("."):
        return False
    if not where.suffix:
        return remote.is_folder(path)
    return path.name.startswith(where.prefix) and path.suffix == where.suffix


def _require_bounded(path: Path, limits: SurveyLimits) -> None:
    most = {".txt": limits.list_bytes, ".json": limits.json_bytes}.get(path.suffix)
    n_bytes = remote.status(path)[0] if most is not None else 0
    if most is not None and n_bytes > most:
        raise DatasetError(f"{printable(path)}: has {n_bytes:,} bytes; the limit is {most:,}.")
