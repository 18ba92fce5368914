"""Draw outlined and painted regions over each other, in the order in which they lie. Torch-free."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deeplab.datasets.importing.export import UNLABELLED, require_drawable
from deeplab.datasets.layouts.coco_regions import encode_region
from deeplab.errors import DatasetError
from deeplab.images.pillow import silence_warnings

_CORNERS = 180  # of the polygon that stands for an ellipse

Polygon = list[float]  # x, y, x, y ... in pixels from the upper left corner


@dataclass(frozen=True)
class Region:
    """Some pixels of one class."""

    value: int  # the class, or IGNORED
    what: str  # such as "polygon 3", for sentences
    find: Callable[[int, int], NDArray[np.bool_]]  # of an image of this height and width: its pixels, (H, W)


def paint(regions: Iterable[Region], height: int, width: int, where: str) -> NDArray[np.uint8]:
    """Draw regions, later ones over earlier ones.

    Returns:
        (height, width): values of the regions, and UNLABELLED.

    Raises:
        DatasetError: if a region is malformed; the sentence begins with `where`.
    """
    require_drawable(height, width, where)
    label_map = np.full((height, width), UNLABELLED, np.uint8)
    for region in regions:
        try:
            label_map[region.find(height, width)] = region.value
        except Exception as error:  # pycocotools and image decoders raise nearly anything
            raise DatasetError(f"{where}: {region.what}: {str(error).rstrip('.')}.") from error
    return label_map


def outlined(polygon: Polygon) -> Callable[[int, int], NDArray[np.bool_]]:
    """The pixels within a polygon, as COCO's library draws them. Finding them raises ValueError if it is malformed."""

    def find(height: int, width: int) -> NDArray[np.bool_]:
        from pycocotools import mask

        runs = encode_region([polygon], height, width)
        with silence_warnings():  # about how pycocotools creates its array
            return np.asarray(mask.decode(runs), np.bool_)

    return find


def painted(inside: NDArray[np.bool_], top: int, left: int, height: int, width: int) -> NDArray[np.bool_]:
    """Put a painted box, (h, w), into an image. Raises ValueError if it does not lie within it."""
    if top < 0 or left < 0 or top + inside.shape[0] > height or left + inside.shape[1] > width:
        raise ValueError(f"its box does not lie within the image of {width}x{height} pixels")
    pixels = np.zeros((height, width), np.bool_)
    pixels[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return pixels


def rectangle(left: float, top: float, right: float, bottom: float) -> Polygon:
    """A rectangle as a polygon."""
    return [left, top, right, top, right, bottom, left, bottom]


def ellipse(x: float, y: float, radius_x: float, radius_y: float) -> Polygon:
    """An ellipse as a polygon of many corners."""
    angles = np.linspace(0, 2 * math.pi, _CORNERS, endpoint=False)
    points = np.stack([x + radius_x * np.cos(angles), y + radius_y * np.sin(angles)], axis=1)
    return [float(each) for each in points.ravel()]


def turned(polygon: Polygon, degrees: float, x: float, y: float) -> Polygon:
    """Turn a polygon clockwise, as one sees it, about a point."""
    angle = math.radians(degrees)
    points = np.array(polygon, np.float64).reshape(-1, 2) - (x, y)
    # y points downwards, so that this matrix turns clockwise.
    matrix = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return [float(each) for each in (points @ matrix + (x, y)).ravel()]


def boxed_runs(text: str, height: int, width: int) -> NDArray[np.bool_]:
    """Decode the run lengths of a box, which alternate between outside and inside, row by row.

    Args:
        text: whole numbers between commas.
        height: of the box.
        width: of the box.

    Raises:
        ValueError: if they are malformed, or do not fill the box.
    """
    lengths = np.array(text.split(","), np.int64) if text.strip() else np.zeros(0, np.int64)
    if (lengths < 0).any() or (lengths > height * width).any() or lengths.sum() != height * width:
        raise ValueError(f"its run lengths do not fill its box of {width}x{height} pixels")
    inside = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return inside.reshape(height, width)
