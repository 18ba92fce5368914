"""Read COCO's JSON, one file or one for each split, as many tools write it. Torch-free.

Smaller objects lie on larger ones, as in the layout `coco`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deeplab.datasets.importing.export import UNLABELLED, ClassNames, Export, require_drawable
from deeplab.datasets.importing.files import ExportFiles, File, require_bounded
from deeplab.datasets.importing.gathering import Gathering, split_of_folder
from deeplab.datasets.layouts.coco import Instances, ObjectsFile
from deeplab.errors import DatasetError
from deeplab.files import printable

_NAME = re.compile(r"instances_(.+)\.json", re.IGNORECASE)
_ROBOFLOW = ".coco.json"
_SPLIT = re.compile(r"(train|val|test)\d*")


@dataclass(frozen=True)
class _Objects:
    """The objects of one image, whose classes are numbered from 1 on."""

    drawn: ObjectsFile

    @property
    def size(self) -> tuple[int, int]:
        """Height and width that the file says."""
        return self.drawn.drawn_size

    def draw(self, height: int, width: int) -> NDArray[np.uint8]:
        """Draw the objects. Raises DatasetError if one is malformed."""
        require_drawable(height, width, f"{printable(self.drawn.path)}: {printable(self.drawn.name)}")
        label_map = self.drawn.read()
        return np.where(label_map == 0, np.uint8(UNLABELLED), label_map - np.uint8(1))


def read_coco(files: ExportFiles) -> Export:
    """Read every file of objects in an export.

    Classes are in the order of their categories' ids; those of several files are one if they have one name.

    Raises:
        DatasetError: if a file is malformed, or an image is missing.
    """
    names, gathering = ClassNames(), Gathering(files)
    for file in _annotations(files):
        require_bounded(file.path)
        content = Instances(file.path)
        classes = _classes_of(content, names, str(file))
        for pair in content.pairs(Path(), classes):
            assert isinstance(pair.ground_truth, ObjectsFile)  # noqa: S101 -- what the layout makes
            gathering.add(
                pair.ground_truth.name,
                _Objects(pair.ground_truth),
                str(file),
                split=_split_of(file),
                near=_folder_of_images(file),
            )
    return Export(names.names, gathering.images(), notes=gathering.notes())


def _annotations(files: ExportFiles) -> Sequence[File]:
    """The files of objects: in COCO's own archives those of captions and keypoints lie beside them."""
    found = files.ending(".json")
    chosen = [file for file in found if _NAME.fullmatch(file.name) or file.name.endswith(_ROBOFLOW)] or found
    if not chosen:
        raise DatasetError(f"{printable(files.source)}: lacks a JSON file.")
    return chosen


def _classes_of(content: Instances, names: ClassNames, where: str) -> dict[int, int]:
    """The class of each category, from 1 on, by the category's id."""
    rows = {row["id"]: row for row in content.categories if isinstance(row.get("id"), int)}
    content.classes(max(rows, default=0) + 2, "contiguous")  # refuses ids that are none, or come twice
    unused = _groups(rows, {str(row.get("category_id")) for row in content.annotations})
    return {number: names.add(rows[number].get("name"), where) + 1 for number in sorted(rows) if number not in unused}


def _groups(rows: Mapping[int, Mapping[str, object]], used: set[str]) -> set[int]:
    """Categories that are no classes: Roboflow lists the group of all classes as one more, which no object has."""
    groups = [row.get("supercategory") for row in rows.values()]
    return {
        number
        for number, row in rows.items()
        if str(number) not in used and row.get("supercategory") == "none" and row.get("name") in groups
    }


def _split_of(file: File) -> str | None:
    match = _NAME.fullmatch(file.name)
    if match is None:
        return split_of_folder(file)
    known = _SPLIT.fullmatch(match[1].lower())
    return known[1] if known else match[1]


def _folder_of_images(file: File) -> str:
    match = _NAME.fullmatch(file.name)
    return "/".join(file.parts[:-1]) if match is None else match[1]
