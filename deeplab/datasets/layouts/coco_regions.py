"""Label maps from outlined objects: polygons and run lengths, as COCO stores them. Torch-free."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.errors import DatasetError
from deeplab.images.pillow import silence_warnings

MOST_PIXELS = 178_956_970  # of an image; Pillow's own limit for images that are no attack
_LONGEST = 10_000_000  # pixels of all outlines of an object
_LARGEST_SHIFT = 35  # bits
_FARTHEST = 1e6  # pixels from the image's corner; drawing takes time and memory in proportion to the outline


def draw_regions(objects: list[Any], height: int, width: int, where: str) -> NDArray[np.uint8]:
    """Draw the objects of one image over each other.

    Smaller objects lie on larger ones, whatever their order in the file, because the smaller one is usually in front:
    the cup on the table, the tie on the person. Crowds, whose outlines are rough, lie below everything else. Of objects
    of equal size the later one is on top.

    Polygons of fewer than three points are left out, and objects that have no other.

    Args:
        objects: [annotation id, class, is a crowd, segmentation] of each. A segmentation is a list of polygons
            [x, y, x, y ...] in pixels, or {"size": [height, width], "counts": run lengths}, as a list or compressed.
        height: of the image.
        width: of the image.
        where: what error sentences begin with.

    Returns:
        (height, width), 0 where there is no object.

    Raises:
        DatasetError: if a segmentation is malformed; the sentence names the annotation.
    """
    from pycocotools import mask  # compiled code, and only this layout needs it

    if height * width > MOST_PIXELS:
        raise DatasetError(f"{where}: is said to have {width}x{height} pixels; the limit is {MOST_PIXELS:,}.")
    regions = []
    for number, class_index, crowd, outlines in objects:
        segmentation = drawable(outlines)
        if segmentation == []:
            continue
        try:
            runs = encode_region(segmentation, height, width)
        except Exception as error:  # pycocotools raises nearly anything
            raise DatasetError(f"{where}: annotation {number}: {str(error).rstrip('.')}.") from error
        regions.append((not crowd, -int(mask.area(runs)), class_index, runs))
    label_map = np.zeros((height, width), np.uint8)
    with silence_warnings():  # about how pycocotools creates its array
        for _, _, class_index, runs in sorted(regions, key=lambda each: each[:2]):
            label_map[np.asarray(mask.decode(runs), np.bool_)] = class_index  # one at a time: each is as large as all
    return label_map


def drawable(segmentation: Any) -> Any:
    """Leave out the polygons of fewer than three points, which exporters leave behind; none may be left."""
    if not isinstance(segmentation, list):
        return segmentation
    return [each for each in segmentation if not (isinstance(each, list) and len(each) in (0, 2, 4))]


def encode_region(segmentation: Any, height: int, width: int) -> Any:
    """The run lengths of a region, as pycocotools has them. Whatever it would take memory for is bounded before.

    Args:
        segmentation: polygons or run lengths, as for `draw_regions`.
        height: of the image.
        width: of the image.

    Raises:
        ValueError: if the segmentation is malformed; pycocotools may raise other exceptions.
    """
    from pycocotools import mask

    if isinstance(segmentation, dict):
        if segmentation.get("size") != [height, width]:
            raise ValueError(
                f"its run lengths are for an image of size {segmentation.get('size')}, not [{height}, {width}]"
            )
        counts = segmentation.get("counts")
        lengths: Any = _run_lengths(counts) if isinstance(counts, str) else counts
        _check_lengths(lengths, height * width)
        runs = mask.frPyObjects({"size": [height, width], "counts": lengths}, height, width)
        if sum(lengths) != height * width:  # pycocotools would leave a rest undefined
            raise ValueError(f"its run lengths cover {sum(lengths)} of {height * width} pixels")
    elif isinstance(segmentation, list) and segmentation:
        for polygon in segmentation:
            _check_polygon(polygon)
        if sum(map(_perimeter, segmentation)) > _LONGEST:
            raise ValueError(f"has outlines of more than {_LONGEST:,} pixels")
        runs = mask.merge(mask.frPyObjects(segmentation, height, width))
    else:
        raise ValueError("has no segmentation; expected polygons or run lengths")
    return runs


def _run_lengths(compressed: str) -> list[int]:
    """Decode COCO's compressed run lengths.

    Each character holds five bits, the least significant first. From the fourth length on, each is the difference from
    the last but one.
    """
    lengths: list[int] = []
    value = shift = 0
    for character in compressed:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"its run lengths hold the character {character!r}")
        if shift > _LARGEST_SHIFT:
            raise ValueError("its run lengths hold a number of more than 40 bits")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:  # the last character of a length; its highest bit is the sign
            signed = value - (1 << shift) if bits & 16 else value
            lengths.append(signed + (lengths[-2] if len(lengths) > 2 else 0))
            value = shift = 0
    if shift:
        raise ValueError("its run lengths end in the middle of a number")
    return lengths


def _check_lengths(lengths: Any, n_pixels: int) -> None:
    if not isinstance(lengths, list) or not all(type(each) is int and 0 <= each <= n_pixels for each in lengths):
        raise ValueError(f"its run lengths are not a list of numbers from 0 to {n_pixels}")


def _perimeter(polygon: list[float]) -> float:
    """About how long an outline is in pixels, which is what drawing it takes memory for."""
    points = np.array(polygon, np.float64).reshape(-1, 2)
    return float(np.abs(points - np.roll(points, 1, axis=0)).max(axis=1).sum())


def _check_polygon(polygon: Any) -> None:
    points = isinstance(polygon, list) and len(polygon) >= 6 and len(polygon) % 2 == 0
    if not points or not all(isinstance(each, int | float) and math.isfinite(each) for each in polygon):
        raise ValueError("has a polygon that is not a list of three or more x, y in pixels")
    if max(map(abs, polygon)) > _FARTHEST:
        raise ValueError(f"has a polygon with a point more than {_FARTHEST:.0f} pixels away")
