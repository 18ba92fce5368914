"""Read an export in the format that is named, or found out by its files. Torch-free."""

import re
from collections import Counter
from collections.abc import Callable, Mapping

from deeplab.datasets.importing.catalog import FORMATS
from deeplab.datasets.importing.coco import read_coco
from deeplab.datasets.importing.colours import TABLES
from deeplab.datasets.importing.cvat import CLASS_MASKS, LABEL_MAP, read_cvat
from deeplab.datasets.importing.cvat_images import read_cvat_images
from deeplab.datasets.importing.export import Export
from deeplab.datasets.importing.files import ExportFiles, File
from deeplab.datasets.importing.label_studio import read_label_studio
from deeplab.datasets.importing.labelme import read_labelme
from deeplab.datasets.importing.masks import (
    LABELS,
    class_mask_files,
    mask_files,
    read_class_masks,
    read_colour_masks,
    read_masks,
)
from deeplab.datasets.importing.roboflow import CLASSES, read_roboflow
from deeplab.errors import DatasetError
from deeplab.files import printable

_READERS: Mapping[str, Callable[[ExportFiles], Export]] = {
    "masks": read_masks,
    "colours": read_colour_masks,
    "classes": read_class_masks,
    "coco": read_coco,
    "cvat": read_cvat,
    "cvat-images": read_cvat_images,
    "label-studio": read_label_studio,
    "labelme": read_labelme,
    "roboflow": read_roboflow,
}

_HEAD = 4096  # bytes of a JSON file that tell its format
_LOOKED_AT = 100  # JSON files


def read_export(files: ExportFiles, name: str | None = None) -> tuple[str, Export]:
    """Read an export.

    Args:
        files: of the export.
        name: of the format; None: found out.

    Returns:
        The name of the format, and what the export holds.

    Raises:
        DatasetError: if the format is unknown or cannot be told, or the export is not as its format requires.
    """
    if name is not None and name not in _READERS:
        raise DatasetError(f"format must be one of {', '.join(FORMATS)}, got {name!r}.")
    name = detect(files) if name is None else name
    return name, _READERS[name](files)


def detect(files: ExportFiles) -> str:
    """Tell the format of an export by the names of its files, and by how its JSON begins.

    Raises:
        DatasetError: if it cannot be told.
    """
    if files.named(LABEL_MAP) and any(CLASS_MASKS in file.relative.lower() for file in files.images):
        return "cvat"
    if files.named(CLASSES):
        return "roboflow"
    by_json = Counter(filter(None, map(_kind_of_json, files.ending(".json")[:_LOOKED_AT])))
    kinds = [*by_json, *(["cvat-images"] if any(map(_is_cvat, files.ending(".xml"))) else [])]
    if len(kinds) == 1:
        return kinds[0]
    if not kinds and (kind := _kind_of_masks(files)):
        return kind
    problem = f"may be {' or '.join(sorted(kinds))}" if kinds else "is in no format that is known by its files"
    raise DatasetError(
        f"{printable(files.source)}: {problem}; name its format by --format, one of {', '.join(FORMATS)}."
    )


def _kind_of_json(file: File) -> str | None:
    head = _head(file)
    if re.match(rb"\s*\[\s*\{", head):
        return "label-studio"
    if b'"shapes"' in head or b'"imagePath"' in head:
        return "labelme"
    is_coco = file.name.endswith(".coco.json") or re.search(rb'"(images|annotations|categories)"\s*:\s*\[', head)
    return "coco" if is_coco else None


def _is_cvat(file: File) -> bool:
    return b"<annotations>" in _head(file)


def _kind_of_masks(files: ExportFiles) -> str | None:
    if mask_files(files):
        if files.colours or any(files.named(name) for name in TABLES):
            return "colours"
        return "masks" if files.named(LABELS) else None
    return "classes" if files.named(LABELS) and any(class_mask_files(files)) else None


def _head(file: File) -> bytes:
    try:
        with file.path.open("rb") as opened:
            return opened.read(_HEAD)
    except OSError as error:
        raise DatasetError(f"{file}: cannot be read: {error.strerror}.") from error
