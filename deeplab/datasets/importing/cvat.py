"""Read CVAT's format "Segmentation mask 1.1": masks of colours, and a map of labels. Torch-free.

Source: https://docs.cvat.ai/docs/dataset_management/formats/format-smask/
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from deeplab.datasets.colour_table import ColourTable
from deeplab.datasets.importing.export import ClassNames, Export, Label, background_of
from deeplab.datasets.importing.files import ExportFiles, File, read_lines
from deeplab.datasets.importing.gathering import Gathering
from deeplab.datasets.importing.mask_labels import ColourMask, IndexMask
from deeplab.errors import DatasetError
from deeplab.formats import shortened
from deeplab.images.masks import has_colours
from deeplab.images.palette import Colour

LABEL_MAP = "labelmap.txt"
CLASS_MASKS = "segmentationclass"
_INSTANCE_MASKS = "segmentationobject"


@dataclass(frozen=True)
class _Labels:
    """What labelmap.txt says."""

    names: list[str]
    table: ColourTable

    def label(self, mask: Path) -> Label:
        """A mask of one channel holds the numbers of lines instead of colours."""
        if has_colours(mask):
            return ColourMask(mask, self.table)
        return IndexMask(mask, {index: index for index in range(len(self.names))})


def read_cvat(files: ExportFiles) -> Export:
    """Read the masks of classes; their order is that of the lines of labelmap.txt.

    Raises:
        DatasetError: if a file is malformed, or an image is missing.
    """
    labels = _read_labels(files.one_named(LABEL_MAP))
    masks = [file for file in files.images if CLASS_MASKS in _folders(file)]
    instances = [file for file in files.images if _INSTANCE_MASKS in _folders(file)]
    splits = dict(_read_splits(files))
    gathering = Gathering(files, [*masks, *instances])
    for mask in masks:
        place = _folders(mask).index(CLASS_MASKS)
        stem = str(PurePosixPath(*mask.parts[place + 1 :]).with_suffix(""))
        gathering.add_mask(stem, labels.label(mask.path), str(mask), split=splits.get(stem), near="JPEGImages")
    return Export(labels.names, gathering.images(), background_of(labels.names), gathering.notes())


def _folders(file: File) -> list[str]:
    return [part.lower() for part in file.parts[:-1]]


def _read_splits(files: ExportFiles) -> Iterator[tuple[str, str]]:
    """The subset of each image that a list names."""
    for file in files.ending(".txt"):
        if _folders(file)[-2:] == ["imagesets", "segmentation"]:
            for line in read_lines(file.path, str(file)):
                yield line.strip(), PurePosixPath(file.name).stem


def _read_labels(file: File) -> _Labels:
    """Read the map of labels: one `label:red,green,blue:parts:actions` per line."""
    names, colours = ClassNames(), dict[Colour, int]()
    for number, line in enumerate(read_lines(file.path, str(file)), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.strip().rsplit(":", 3)
        if len(fields) != 4:
            raise DatasetError(
                f"{file}: line {number} is {shortened(line)}; expected 'label:red,green,blue:parts:actions'."
            )
        index = names.add(fields[0], f"{file}: line {number}")
        if fields[1].strip():
            colours[_parse_colour(fields[1], f"{file}: line {number}")] = index
    if not names.names:
        raise DatasetError(f"{file}: lists no label; expected one 'label:red,green,blue:parts:actions' per line.")
    return _Labels(names.names, ColourTable(colours or {(0, 0, 0): 0}, LABEL_MAP))


def _parse_colour(text: str, where: str) -> Colour:
    numbers = [each.strip() for each in text.split(",")]
    if len(numbers) != 3 or not all(each.isdecimal() and int(each[:4]) <= 255 for each in numbers):
        raise DatasetError(f"{where}: the colour is {shortened(text)}; expected three numbers from 0 to 255.")
    red, green, blue = map(int, numbers)
    return red, green, blue
