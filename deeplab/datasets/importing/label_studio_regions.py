"""The regions of Label Studio: brushes in run lengths, outlines in percent of the image. Torch-free."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.datasets.importing.brush_runs import unpack_brush
from deeplab.datasets.importing.regions import Polygon, ellipse, outlined, rectangle, turned

Value = Mapping[str, Any]


def has_area(value: Value) -> bool:
    """Whether a region covers pixels: a brush, polygon, ellipse or rectangle does, a key point does not."""
    return "rle" in value or "points" in value or "radiusX" in value or ("width" in value and "height" in value)


def find_region(value: Value) -> Callable[[int, int], NDArray[np.bool_]]:
    """The pixels of a region; finding them raises ValueError, TypeError or KeyError if it is malformed."""
    if "rle" in value:
        return lambda height, width: unpack_brush(value["rle"], height, width)
    return lambda height, width: outlined(_polygon(value, height, width))(height, width)


def _polygon(value: Value, height: int, width: int) -> Polygon:
    if "points" in value:
        points = np.array(value["points"], np.float64).reshape(-1, 2) * (width / 100, height / 100)
        return [float(each) for each in points.ravel()]
    x, y = _pixels(value, "x", width), _pixels(value, "y", height)
    if "radiusX" in value:
        shape = ellipse(x, y, _pixels(value, "radiusX", width), _pixels(value, "radiusY", height))
    else:
        shape = rectangle(x, y, x + _pixels(value, "width", width), y + _pixels(value, "height", height))
    return turned(shape, float(value.get("rotation") or 0), x, y)


def _pixels(value: Value, key: str, side: int) -> float:
    percent = value.get(key)
    if not isinstance(percent, int | float):
        raise ValueError(f"{key} is {percent!r}; expected a number in percent")
    return percent * side / 100
