"""The layout of COCO: images, and a JSON file of outlined objects. Torch-free."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from deeplab.confinement import require_readable
from deeplab.datasets.layouts.coco_regions import draw_regions, drawable
from deeplab.datasets.pairs import Pair, SplitListing, list_files
from deeplab.errors import DatasetError
from deeplab.files import printable

Numbering = Literal["original", "contiguous"]


def list_coco(root: Path, split: str, n_classes: int, numbering: Numbering = "original") -> SplitListing:
    """List every image of ROOT/annotations/instances_<split>.json in the order of ids, also those without an object.

    Images lie in ROOT/images/<split>, or in ROOT/<split> if there is no such folder. Pixels that no object covers are
    class 0.

    Args:
        root: the folder that holds annotations/.
        split: such as "val2017".
        n_classes: how many classes label maps may hold, the background included.
        numbering: "original": an object's class is its category's id; COCO uses 80 of the ids 1 to 90. "contiguous":
            the categories are numbered 1, 2, 3 ... in the order of their ids.

    Raises:
        DatasetError: if a file or folder is missing, the JSON is not in COCO's format, or a category is not a class.
    """
    path = root / "annotations" / f"instances_{split}.json"
    images = root / "images" / split
    images = images if images.is_dir() else root / split
    content = Instances(path)
    classes = content.classes(n_classes, numbering)
    return list_files(split, content.pairs(images, classes))


@dataclass(frozen=True)
class ObjectsFile:
    """The objects of one image, whose label map `draw_regions` draws."""

    path: Path
    name: str  # the image's, for errors
    height: int
    width: int
    # [annotation id, class, is a crowd, segmentation] of each object, as JSON: parsed, those of COCO's training images
    # would take gigabytes.
    objects: bytes

    @property
    def drawn_size(self) -> tuple[int, int]:
        """Height and width that the file says its image has."""
        return self.height, self.width

    def read(self) -> NDArray[np.uint8]:
        """Draw the label map, (H, W). Raises DatasetError if an outline is malformed."""
        where = f"{printable(self.path)}: {self.name}"
        return draw_regions(json.loads(self.objects), self.height, self.width, where)

    def has_left_out(self) -> bool:
        """Whether `read` leaves out outlines, or objects, that cannot be drawn."""
        return any(drawable(each[3]) != each[3] or each[3] == [] for each in json.loads(self.objects))


def _without_suffix(name: str) -> str | None:
    """A file's name without its suffix; None if it is that of no file."""
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.name not in ("", "..") and "\0" not in name else None


class Instances:
    """A file in COCO's instance format.

    Raises:
        DatasetError: if the file is missing, cannot be read, or is of another format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            require_readable(path)
            content = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise DatasetError(f"{printable(path)}: the annotations do not exist.") from None
        except (OSError, ValueError, RecursionError) as error:
            raise DatasetError(f"{printable(path)}: the annotations cannot be read: {error}.") from error
        lists = content if isinstance(content, dict) else {}
        self.images, self.annotations, self.categories = (
            self._rows(lists, key) for key in ("images", "annotations", "categories")
        )
        if not self.images:
            raise DatasetError(f"{printable(path)}: lists no image.")

    def classes(self, n_classes: int, numbering: Numbering) -> dict[int, int]:
        """Map each category id to its class."""
        ids = sorted(self._ids(self.categories, "category"))
        classes = {each: each if numbering == "original" else place for place, each in enumerate(ids, start=1)}
        wrong = [each for each, number in classes.items() if not 1 <= number < n_classes]
        if wrong:
            raise DatasetError(
                f"{printable(self.path)}: category {wrong[0]} would be class {classes[wrong[0]]} by the {numbering}"
                f" numbering; expected 1 to {n_classes - 1}, because 0 is the background and DATASET.N_CLASSES"
                f" is {n_classes}."
            )
        return classes

    def pairs(self, folder: Path, classes: Mapping[int, int]) -> Iterator[Pair]:
        """Pair each image with its objects."""
        objects = self._objects_by_image(classes)
        names: dict[str, str] = {}  # by id of the pair, which has no suffix
        for row in sorted(self.images, key=lambda row: row["id"]):
            number = row["id"]
            name = row.get("file_name")
            if not isinstance(name, str) or not name:
                raise DatasetError(f"{printable(self.path)}: image {number} has no file_name.")
            pair_id = _without_suffix(name)
            if pair_id is None:
                raise DatasetError(f"{printable(self.path)}: image {number} has the file_name {name!r}.")
            if pair_id in names:
                raise DatasetError(
                    f"{printable(self.path)}: {name} appears twice."
                    if names[pair_id] == name
                    else f"{printable(self.path)}: {names[pair_id]} and {name} differ in their suffixes alone, so"
                    f" that results of both would be named {pair_id!r}."
                )
            names[pair_id] = name
            height, width = (self._number(row, side, f"image {number}") for side in ("height", "width"))
            label = ObjectsFile(self.path, name, height, width, json.dumps(objects.pop(number, [])).encode())
            yield Pair(pair_id, folder / name, label)

    def _objects_by_image(self, classes: Mapping[int, int]) -> defaultdict[int, list[Any]]:
        objects: defaultdict[int, list[Any]] = defaultdict(list)
        known = set(self._ids(self.images, "image"))
        for row in self.annotations:
            number = row.get("id")
            image, category = (self._number(row, key, f"annotation {number}") for key in ("image_id", "category_id"))
            if image not in known:
                raise DatasetError(f"{printable(self.path)}: annotation {number} belongs to no image of the list.")
            if category not in classes:
                raise DatasetError(f"{printable(self.path)}: annotation {number} belongs to no category of the list.")
            objects[image].append([number, classes[category], bool(row.get("iscrowd", 0)), row.get("segmentation")])
        return objects

    def _rows(self, lists: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
        rows = lists.get(key)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise DatasetError(f"{printable(self.path)}: has no list {key!r}; expected COCO's instance format.")
        return rows

    def _ids(self, rows: Iterable[Mapping[str, Any]], noun: str) -> list[int]:
        """The ids of images or categories. Raises DatasetError if one comes twice, as in files that were joined."""
        counts = Counter(self._number(row, "id", f"{'an' if noun == 'image' else 'a'} {noun}") for row in rows)
        repeated = [each for each, count in counts.items() if count > 1]
        if repeated:
            raise DatasetError(
                f"{printable(self.path)}: the {noun} id {repeated[0]} comes twice; expected an id of its own for"
                f" each {noun}."
            )
        return list(counts)

    def _number(self, row: Mapping[str, Any], key: str, what: str) -> int:
        value = row.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise DatasetError(f"{printable(self.path)}: {what} has the {key} {value!r}; expected a whole number.")
        return value
