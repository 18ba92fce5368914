"""Read folders of masks beside folders of images: masks of indices, of colours, or one for each class. Torch-free.

The masks lie in a folder masks/ or labels/, or, as CamVid's do, in train_labels/ beside train/; a mask may be called
like its image, or with `_L` or `_mask` behind it.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from deeplab.datasets.class_names import load_class_names
from deeplab.datasets.importing.colours import read_colours
from deeplab.datasets.importing.export import UNLABELLED, Export, Label, background_of
from deeplab.datasets.importing.files import ExportFiles, File
from deeplab.datasets.importing.gathering import Gathering, as_split, split_of_folder
from deeplab.datasets.importing.mask_labels import ColourMask, IndexMask
from deeplab.datasets.layouts.lists import id_of, read_lines
from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.images.files import image_size
from deeplab.images.masks import read_mask

LABELS = "labels.txt"

_FOLDERS = frozenset({"masks", "labels", "labels_colored", "annotations"})
_FOLDER_ENDINGS = ("_labels", "_masks")
_NAME_ENDINGS = re.compile("(_L|_mask)$")
_CLASS_FOLDER = re.compile(r"(\d{3})-.*")
_LISTS = ("train.txt", "val.txt", "test.txt")
_PAINTED = 128  # the least grey that counts as painted


@dataclass(frozen=True)
class _ClassMasks:
    """A mask of 0 and 255 for each class of one image."""

    paths: dict[int, Path]  # by class

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the first file."""
        return image_size(next(iter(self.paths.values())))

    def draw(self, height: int, width: int) -> NDArray[np.uint8]:
        """Lay the classes over each other, the highest on top. Raises ImageError or DatasetError if a file is wrong."""
        label_map = np.full((height, width), UNLABELLED, np.uint8)
        for index, path in sorted(self.paths.items()):
            mask = read_mask(path)
            if mask.shape != (height, width):
                raise DatasetError(f"{printable(path)}: is of another size than the masks of other classes.")
            label_map[mask >= _PAINTED] = index
        return label_map


def read_masks(files: ExportFiles) -> Export:
    """Read masks of indices, whose classes labels.txt names. Raises DatasetError if something is missing or wrong."""
    names = load_class_names(files.one_named(LABELS).path)
    classes = {index: index for index in range(len(names))}
    gathering = _gather(files, lambda path: IndexMask(path, classes))
    return Export(names, gathering.images(), background_of(names), gathering.notes())


def read_colour_masks(files: ExportFiles) -> Export:
    """Read masks of colours; classes are in the order of the table. Raises DatasetError if something is wrong."""
    names, table = read_colours(files)
    gathering = _gather(files, lambda path: ColourMask(path, table))
    return Export(names, gathering.images(), background_of(names), gathering.notes())


def read_class_masks(files: ExportFiles) -> Export:
    """Read masks of single classes, from a folder 000-name for each. Raises DatasetError if something is wrong."""
    names = load_class_names(files.one_named(LABELS).path)
    paths: defaultdict[str, dict[int, Path]] = defaultdict(dict)
    masks = []
    for file, index, stem in class_mask_files(files):
        if index >= len(names):
            raise DatasetError(f"{file}: lies in the folder of class {index}, which {LABELS} does not name.")
        paths[stem][index] = file.path
        masks.append(file)
    gathering = Gathering(files, masks)
    for stem, by_class in paths.items():
        gathering.add_mask(stem, _ClassMasks(by_class), stem)
    return Export(names, gathering.images(), notes=gathering.notes())


def mask_files(files: ExportFiles) -> list[File]:
    """The images of an export that lie in a folder of masks."""
    return [file for file in files.images if _place(file) is not None]


def class_mask_files(files: ExportFiles) -> Iterator[tuple[File, int, str]]:
    """The masks of single classes, with the class, and the path below its folder without suffix."""
    for file in files.images:
        for place, part in enumerate(file.parts[:-1]):
            if match := _CLASS_FOLDER.fullmatch(part):
                yield file, int(match[1]), str(PurePosixPath(*file.parts[place + 1 :]).with_suffix(""))
                break


def _gather(files: ExportFiles, label: Callable[[Path], Label]) -> Gathering:
    masks, splits = mask_files(files), dict(_read_lists(files))
    gathering = Gathering(files, masks)
    for mask in masks:
        place = _place(mask)
        assert place is not None  # noqa: S101 -- as `mask_files` found
        above, folder, below = mask.parts[:place], mask.parts[place], mask.parts[place + 1 :]
        path = str(PurePosixPath(*below).with_suffix(""))
        beside = _without_ending(folder)
        stem = _NAME_ENDINGS.sub("", path)
        split = splits.get(path) or as_split(beside) or split_of_folder(mask)
        near = "/".join((*above, beside or "images"))
        gathering.add_mask(stem, label(mask.path), str(mask), split=split, near=near)
    return gathering


def _place(file: File) -> int | None:
    """Which of the folders above a file is one of masks; None if none is."""
    folders = [part.lower() for part in file.parts[:-1]]
    return next((n for n, part in enumerate(folders) if part in _FOLDERS or part.endswith(_FOLDER_ENDINGS)), None)


def _without_ending(folder: str) -> str:
    """The folder of images beside a folder of masks: "train" beside "train_labels"; empty if the name does not say."""
    return next((folder[: -len(ending)] for ending in _FOLDER_ENDINGS if folder.lower().endswith(ending)), "")


def _read_lists(files: ExportFiles) -> Iterator[tuple[str, str]]:
    """The split of each id that a list names."""
    for name in _LISTS:
        for file in files.named(name)[:1]:
            for _, line in read_lines(file.path, "one id per line"):
                yield id_of(line, file.path.parent / "images") or line, PurePosixPath(name).stem
