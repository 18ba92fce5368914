"""Read labelme's JSON, one file for each image. Torch-free.

Later shapes lie on earlier ones, as in labelme's own converters. `__ignore__` and `_background_` mean what they mean
there: pixels that do not count, and those that nobody labelled.

Source: https://github.com/wkentaro/labelme
"""

import base64
import binascii
import io
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab.datasets.importing.export import IGNORED, UNLABELLED, ClassNames, Export
from deeplab.datasets.importing.files import ExportFiles, File, read_json, read_lines
from deeplab.datasets.importing.gathering import Gathering, split_of_folder
from deeplab.datasets.importing.regions import Region, ellipse, outlined, paint, painted, rectangle
from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.formats import plural

_IGNORE, _BACKGROUND = "__ignore__", "_background_"
_WITHOUT_AREA = frozenset({"point", "points", "line", "linestrip"})
_LISTS_LABELS = "labels.txt"

Shape = Mapping[str, Any]


@dataclass(frozen=True)
class _Shapes:
    """The file of one image, which is read again when it is drawn."""

    path: Path
    size: tuple[int, int] | None
    values: Mapping[str, int]  # by label
    where: str

    def draw(self, height: int, width: int) -> NDArray[np.uint8]:
        """Draw the shapes. Raises DatasetError if one is malformed."""
        shapes = [shape for shape in _shapes_of(read_json(self.path), self.where) if _has_area(shape)]
        regions = (
            Region(self.values[str(shape["label"])], f"shape {place}", _finder(shape))
            for place, shape in enumerate(shapes, start=1)
        )
        return paint(regions, height, width, self.where)


def read_labelme(files: ExportFiles) -> Export:
    """Read every file of shapes; images may lie beside them.

    Classes are in the order of labels.txt, if it is there, and then of their names.

    Raises:
        DatasetError: if a file is malformed, or an image is missing.
    """
    found = [file for file in files.ending(".json") if file.name.lower() != "flags.json"]
    gathering, labels, n_without_area = Gathering(files), Counter[str](), 0
    values: dict[str, int] = {_IGNORE: IGNORED, _BACKGROUND: UNLABELLED}
    for file in found:
        content = read_json(file.path)
        shapes = _shapes_of(content, str(file))
        n_without_area += sum(not _has_area(shape) for shape in shapes)
        labels.update(_label_of(shape, str(file)) for shape in shapes if _has_area(shape))
        label = _Shapes(file.path, _size_of(content, str(file)), values, str(file))
        gathering.add(
            _image_of(content, file),
            label,
            str(file),
            split=split_of_folder(file),
            near="/".join(file.parts[:-1]),
        )
    names = ClassNames()
    for name in [*_listed(files), *sorted(labels)]:
        if name not in (_IGNORE, _BACKGROUND):
            values[name] = names.add(name, printable(files.source))
    notes = [f"{plural(n_without_area, 'point or line')} without an area left out."] if n_without_area else []
    return Export(names.names, gathering.images(), notes=[*gathering.notes(), *notes])


def _listed(files: ExportFiles) -> list[str]:
    """The lines of labels.txt, from which labelme itself makes its list of labels."""
    lines = (line.strip() for file in files.named(_LISTS_LABELS)[:1] for line in read_lines(file.path, str(file)))
    return [line for line in lines if line]


def _shapes_of(content: Any, where: str) -> list[Shape]:
    shapes = content.get("shapes") if isinstance(content, dict) else None
    if not isinstance(shapes, list) or not all(isinstance(shape, dict) for shape in shapes):
        raise DatasetError(f"{where}: has no list 'shapes'; expected labelme's format.")
    return shapes


def _label_of(shape: Shape, where: str) -> str:
    label = shape.get("label")
    if not isinstance(label, str) or not label.strip():
        raise DatasetError(f"{where}: the label of a shape is {label!r}; expected a text.")
    return label


def _size_of(content: Mapping[str, Any], where: str) -> tuple[int, int] | None:
    height, width = content.get("imageHeight"), content.get("imageWidth")
    if height is None or width is None:
        return None
    if type(height) is not int or type(width) is not int:
        raise DatasetError(f"{where}: imageHeight and imageWidth are {height!r} and {width!r}; expected whole numbers.")
    return height, width


def _image_of(content: Mapping[str, Any], file: File) -> str:
    path = content.get("imagePath")
    return path if isinstance(path, str) and path.strip() else str(PurePosixPath(file.name).with_suffix(".jpg"))


def _has_area(shape: Shape) -> bool:
    return str(shape.get("shape_type")) not in _WITHOUT_AREA


def _finder(shape: Shape) -> Callable[[int, int], NDArray[np.bool_]]:
    return lambda height, width: _find(shape, height, width)


def _find(shape: Shape, height: int, width: int) -> NDArray[np.bool_]:
    kind, points = shape.get("shape_type") or "polygon", np.array(shape.get("points"), np.float64).reshape(-1, 2)
    if kind == "polygon":
        return outlined([float(each) for each in points.ravel()])(height, width)
    if kind not in ("rectangle", "circle", "mask") or len(points) != 2:
        raise ValueError(f"shape_type is {kind!r} with {plural(len(points), 'point')}")
    if kind == "circle":
        (x, y), radius = points[0].tolist(), math.dist(points[0], points[1])
        return outlined(ellipse(x, y, radius, radius))(height, width)
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    if kind == "rectangle":
        return outlined(rectangle(left, top, right, bottom))(height, width)
    return painted(_decode(shape.get("mask"), height, width), round(top), round(left), height, width)


def _decode(text: Any, height: int, width: int) -> NDArray[np.bool_]:
    """Decode the PNG of a mask, which covers its box."""
    try:
        packed = base64.b64decode(text, validate=True)
    except (TypeError, binascii.Error):
        raise ValueError("its mask is no PNG in base64") from None
    with Image.open(io.BytesIO(packed), formats=["PNG"]) as image:
        if image.width > width or image.height > height:
            raise ValueError(f"its mask of {image.width}x{image.height} pixels does not fit into the image")
        return np.asarray(image.convert("L")) > 0
