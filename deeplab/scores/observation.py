"""Who hears of each image of an evaluation, and what the images are worth together."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.scores.boundaries import boundary_overlaps
from deeplab.scores.certainty import certainty_of
from deeplab.scores.image_scores import ImageScores, cells_of, occurring
from deeplab.scores.metrics import Scores

Observer = Callable[[ImageScores], None]  # hears of each image, in the order of the split; what it raises ends the run


@dataclass(frozen=True)
class Watch:
    """What to note of each image, beside the cells of its confusion matrix."""

    certainty: bool = False
    boundaries: bool = False


def watch_of(observe: Observer | None, *, boundary_iou: bool = False) -> Watch | None:
    """What to note for an observer and for boundary IoU; None: nothing."""
    return None if observe is None and not boundary_iou else Watch(observe is not None, boundary_iou)


def image_scores(
    image: str,
    label_map: NDArray[np.uint8],
    counts: NDArray[np.int64],
    *,
    seconds: float,
    sums: NDArray[np.float64] | None = None,
    predicted: NDArray[np.uint8] | None = None,
) -> ImageScores:
    """Turn what was counted of an image into its scores.

    Args:
        image: its id.
        label_map: the ground truth, (H, W).
        counts: (C + 1, C + 1), as `ConfusionMatrix.update` returns them.
        seconds: of work on the image.
        sums: of its certainty, as `CertaintyCount.sums`.
        predicted: the model's label map, (H, W), if its boundaries are to be compared.
    """
    height, width = label_map.shape
    pixels = occurring(counts[:, :-1].sum(axis=0))
    return ImageScores(
        id=image,
        width=width,
        height=height,
        seconds=seconds,
        pixels=pixels,
        cells=cells_of(counts[:-1, :-1]),
        certainty=None if sums is None else certainty_of(sums, pixels),
        boundaries=None if predicted is None else boundary_overlaps(label_map, predicted, len(counts) - 1),
    )


class ImageTally:
    """Hears of the images of an evaluation, and sums up what they are worth: it keeps one number for each of them.

    Args:
        n_classes: of the label maps.
        observe: hears of each image, too.
    """

    def __init__(self, n_classes: int, observe: Observer | None) -> None:
        self._observe = observe
        self._mean_ious: list[float] = []
        self._boundaries = np.zeros((2, n_classes), np.int64)  # pixels of the intersections, and of the unions
        self._knows_boundaries = False

    def hear(self, image: ImageScores) -> None:
        """Take up an image."""
        if image.mean_iou is not None:
            self._mean_ious.append(image.mean_iou)
        if image.boundaries is not None:
            self._knows_boundaries = True
            for index, overlap in image.boundaries.items():
                self._boundaries[:, index] += overlap.intersection, overlap.union
        if self._observe is not None:
            self._observe(image)

    def add_to(self, scores: Scores) -> Scores:
        """Return the scores with those of the images, if it heard of any."""
        if not self._mean_ious:
            return scores
        added = self._of_images() | (self._of_boundaries(scores) if self._knows_boundaries else {})
        return replace(scores, values_by_name={**scores.values_by_name, **added})

    def _of_images(self) -> dict[str, float]:
        lowest = sorted(self._mean_ious)[: math.ceil(len(self._mean_ious) / 10)]
        return {
            "image_mean_iou": math.fsum(self._mean_ious) / len(self._mean_ious),
            "worst_tenth_iou": math.fsum(lowest) / len(lowest),
        }

    def _of_boundaries(self, scores: Scores) -> dict[str, Any]:
        """The mean is over the classes that occur in the ground truth, as that of IoU."""
        intersection, union = self._boundaries
        with np.errstate(invalid="ignore"):
            iou = intersection / union
        occurs = scores.confusion.sum(axis=1) > 0
        return {"boundary_iou": float(iou[occurs].mean()), "class_boundary_iou": [float(each) for each in iou]}
