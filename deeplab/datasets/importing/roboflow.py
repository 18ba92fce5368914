"""Read Roboflow's format "Semantic Segmentation Masks": a folder for each split, with masks beside images. Torch-free.

Each folder has a file _classes.csv, `Pixel Value, Class`, and a mask a_mask.png for each image a.jpg.
"""

import csv
from pathlib import PurePosixPath

from deeplab.datasets.importing.export import ClassNames, Export, background_of
from deeplab.datasets.importing.files import ExportFiles, File, read_lines
from deeplab.datasets.importing.gathering import Gathering, split_of_folder
from deeplab.datasets.importing.mask_labels import IndexMask
from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.formats import shortened

CLASSES = "_classes.csv"
_MASK = "_mask.png"


def read_roboflow(files: ExportFiles) -> Export:
    """Read the masks of every split; classes are in the order of their pixel values.

    Raises:
        DatasetError: if a file is malformed, or an image is missing.
    """
    names = ClassNames()
    masks = [file for file in files.images if file.name.lower().endswith(_MASK)]
    gathering = Gathering(files, masks)
    for table in files.named(CLASSES):
        folder = PurePosixPath(table.relative).parent
        classes = _read_classes(table, names)
        for mask in masks:
            if PurePosixPath(mask.relative).parent == folder:
                stem = mask.name[: -len(_MASK)]
                label = IndexMask(mask.path, classes)
                gathering.add_mask(stem, label, str(mask), split=split_of_folder(mask), near=str(folder))
    if not masks:
        raise DatasetError(f"{printable(files.source)}: has no masks a{_MASK} beside images a.jpg.")
    return Export(names.names, gathering.images(), background_of(names.names), gathering.notes())


def _read_classes(file: File, names: ClassNames) -> dict[int, int]:
    """The class of each pixel value."""
    try:
        rows = list(csv.reader(read_lines(file.path, str(file))))
    except csv.Error as error:
        raise DatasetError(f"{file}: cannot be read: {error}.") from error
    values: dict[int, str] = {}
    for number, row in enumerate(rows[1:], start=2):
        fields = [field.strip() for field in row]
        if not any(fields):
            continue
        if len(fields) < 2 or not fields[0].isdecimal() or int(fields[0][:4]) > 255:
            raise DatasetError(f"{file}: line {number} is {shortened(fields)}; expected 'pixel value, class'.")
        values[int(fields[0])] = fields[1]
    return {value: names.add(values[value], str(file)) for value in sorted(values)}
