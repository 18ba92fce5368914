"""Read CVAT's format "CVAT for images 1.1": XML with outlines and masks. Torch-free.

Shapes lie over each other by their z_order, and those of one z_order in the order of the file, as CVAT draws them.

Source: https://docs.cvat.ai/docs/other/xml_format
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deeplab.datasets.importing.export import ClassNames, Export
from deeplab.datasets.importing.files import ExportFiles, File
from deeplab.datasets.importing.gathering import Gathering
from deeplab.datasets.importing.regions import (
    Polygon,
    Region,
    boxed_runs,
    ellipse,
    outlined,
    paint,
    painted,
    rectangle,
    turned,
)
from deeplab.datasets.importing.xml_elements import Attributes, read_elements
from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.formats import plural

ANNOTATIONS = "annotations.xml"

_WITHOUT_AREA = frozenset({"polyline", "points", "cuboid", "skeleton"})

Find = Callable[[int, int], NDArray[np.bool_]]


@dataclass(frozen=True)
class _Shape:
    kind: str
    attributes: Attributes
    class_index: int
    z_order: int


@dataclass
class _Image:
    """An <image>, whose shapes are drawn when they are asked for."""

    name: str
    size: tuple[int, int]
    subset: str
    where: str
    shapes: list[_Shape] = field(default_factory=list)

    def draw(self, height: int, width: int) -> NDArray[np.uint8]:
        """Draw the shapes. Raises DatasetError if one is malformed."""
        regions = (
            Region(shape.class_index, f"{shape.kind} {place}", _finder(shape))
            for place, shape in sorted(enumerate(self.shapes, start=1), key=lambda each: (each[1].z_order, each[0]))
        )
        return paint(regions, height, width, self.where)


def read_cvat_images(files: ExportFiles) -> Export:
    """Read annotations.xml; classes are in the order of the task's labels.

    Raises:
        DatasetError: if it is malformed, belongs to a video, or an image is missing.
    """
    file = _annotations(files)
    reading = _Reading(file)
    read_elements(file.path, reading.begin, reading.end)
    gathering = Gathering(files)
    for image in reading.images:
        gathering.add(image.name, image, image.where, split=image.subset, near=f"images/{image.subset}")
    return Export(reading.names.names, gathering.images(), notes=[*gathering.notes(), *reading.notes()])


def _annotations(files: ExportFiles) -> File:
    found = files.ending(".xml")
    return found[0] if len(found) == 1 else files.one_named(ANNOTATIONS)


class _Reading:
    """What was read of an XML file."""

    def __init__(self, file: File) -> None:
        self._file = file
        self.names = ClassNames()
        self.images: list[_Image] = []
        self._n_without_area = 0

    def begin(self, path: tuple[str, ...], attributes: Attributes) -> None:
        """Take up an image or a shape."""
        if path[0] != "annotations" or path[-1] == "track":
            raise DatasetError(f"{self._file}: is not in the format 'CVAT for images 1.1'; export it as that.")
        if path == ("annotations", "image"):
            self.images.append(self._image(attributes))
        elif path[:-1] == ("annotations", "image"):
            self._add(path[-1], attributes)

    def end(self, path: tuple[str, ...], text: str) -> None:
        """Take up a label's name: labels of a skeleton's parts lie deeper."""
        if path[1:2] == ("meta",) and path[-3:] == ("labels", "label", "name"):
            self.names.add(text, str(self._file))

    def notes(self) -> list[str]:
        """Say what has no area."""
        n = self._n_without_area
        return [f"{plural(n, 'line, point, cuboid or skeleton')} without an area left out."] if n else []

    def _image(self, attributes: Attributes) -> _Image:
        name = attributes.get("name", "")
        where = f"{self._file}: {printable(name)}"
        size = _whole(attributes, "height", where), _whole(attributes, "width", where)
        return _Image(name, size, attributes.get("subset", ""), where)

    def _add(self, kind: str, attributes: Attributes) -> None:
        image = self.images[-1]
        if kind in _SHAPES:
            index = self.names.add(attributes.get("label"), image.where)
            z_order = _whole(attributes, "z_order", image.where, otherwise="0")
            image.shapes.append(_Shape(kind, dict(attributes), index, z_order))
        elif kind in _WITHOUT_AREA:
            self._n_without_area += 1


def _whole(attributes: Attributes, key: str, where: str, otherwise: str = "") -> int:
    text = attributes.get(key, otherwise)
    try:
        return int(text)
    except ValueError:
        raise DatasetError(f"{where}: {key} is {text!r}; expected a whole number.") from None


def _finder(shape: _Shape) -> Find:
    return lambda height, width: _SHAPES[shape.kind](shape.attributes)(height, width)


def _number(attributes: Attributes, key: str, otherwise: str = "") -> float:
    text = attributes.get(key, otherwise)
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{key} is {text!r}; expected a number") from None


def _polygon(attributes: Attributes) -> Find:
    return outlined([float(each) for point in attributes.get("points", "").split(";") for each in point.split(",")])


def _box(attributes: Attributes) -> Find:
    left, top, right, bottom = (_number(attributes, key) for key in ("xtl", "ytl", "xbr", "ybr"))
    return _turned(rectangle(left, top, right, bottom), attributes, (left + right) / 2, (top + bottom) / 2)


def _ellipse(attributes: Attributes) -> Find:
    x, y, radius_x, radius_y = (_number(attributes, key) for key in ("cx", "cy", "rx", "ry"))
    return _turned(ellipse(x, y, radius_x, radius_y), attributes, x, y)


def _turned(polygon: Polygon, attributes: Attributes, x: float, y: float) -> Find:
    return outlined(turned(polygon, _number(attributes, "rotation", "0"), x, y))


def _mask(attributes: Attributes) -> Find:
    top, left, box_height, box_width = (int(_number(attributes, key)) for key in ("top", "left", "height", "width"))

    def find(height: int, width: int) -> NDArray[np.bool_]:
        if not 0 < box_height <= height or not 0 < box_width <= width:
            raise ValueError(f"its box of {box_width}x{box_height} pixels does not fit into the image")
        return painted(boxed_runs(attributes.get("rle", ""), box_height, box_width), top, left, height, width)

    return find


_SHAPES: Mapping[str, Callable[[Attributes], Find]] = {
    "polygon": _polygon,
    "box": _box,
    "ellipse": _ellipse,
    "mask": _mask,
}
