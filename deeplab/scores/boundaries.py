"""Boundary IoU: compare label maps near the boundaries of their classes alone. Torch-free."""

import math

import numpy as np
from numpy.typing import NDArray

from deeplab.scores.image_scores import BoundaryOverlap

WIDTH = 0.02  # of a boundary, of the image's diagonal


def boundary_overlaps(
    label_map: NDArray[np.uint8], predicted: NDArray[np.uint8], n_classes: int
) -> dict[int, BoundaryOverlap]:
    """Compare the boundaries of each class in the ground truth and in a prediction.

    The boundary of a class is a band: its pixels that are at most 2 % of the image's diagonal away from what is not of
    the class. The image's border counts as that, and so do ignored pixels, which are not counted themselves.

    Args:
        label_map: the ground truth, (H, W); what is no class is ignored.
        predicted: (H, W), classes alone.
        n_classes: C.

    Returns:
        By class, of those with a counted pixel in either boundary.

    Source: B. Cheng et al., Boundary IoU: improving object-centric image segmentation evaluation, CVPR 2021.
    """
    distance = boundary_distance(*label_map.shape)
    counted = label_map < n_classes
    of_truth = is_boundary(label_map, distance) & counted
    of_prediction = is_boundary(predicted, distance) & counted
    hits = _count(label_map[of_truth & of_prediction & (label_map == predicted)], n_classes)
    union = _count(label_map[of_truth], n_classes) + _count(predicted[of_prediction], n_classes) - hits
    return {int(index): BoundaryOverlap(int(hits[index]), int(union[index])) for index in np.flatnonzero(union)}


def boundary_distance(height: int, width: int) -> int:
    """How far a boundary reaches into its class in an image of a size: pixels, at least 1."""
    return max(1, round(WIDTH * math.hypot(height, width)))


def is_boundary(label_map: NDArray[np.uint8], distance: int) -> NDArray[np.bool_]:
    """Which pixels of a label map lie in the boundary of their own class, (H, W).

    Those around which the square of 2 * distance + 1 pixels is not wholly of their class, or leaves the image. So one
    look at the label map serves all classes.
    """
    from scipy.ndimage import maximum_filter, minimum_filter  # takes a moment, and only boundary IoU needs it

    side = 2 * distance + 1
    boundary = np.ones(label_map.shape, np.bool_)
    inner = slice(distance, -distance)
    same = minimum_filter(label_map, side, mode="nearest") == maximum_filter(label_map, side, mode="nearest")
    boundary[inner, inner] = ~same[inner, inner]
    return boundary


def _count(labels: NDArray[np.uint8], n_classes: int) -> NDArray[np.int64]:
    return np.bincount(labels, minlength=n_classes)
