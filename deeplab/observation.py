"""Who hears of each image of an evaluation, and what the images are worth together."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from deeplab.image_scores import ImageScores
from deeplab.metrics import Scores

Observer = Callable[[ImageScores], None]  # hears of each image, in the order of the split; what it raises ends the run


class ImageTally:
    """Hears of the images of an evaluation, and sums up what they are worth: it keeps one number for each of them.

    Args:
        n_classes: of the label maps.
        observe: hears of each image, too.
    """

    def __init__(self, n_classes: int, observe: Observer | None) -> None:
        self._observe = observe
        self._mean_ious: list[float] = []
        self._boundaries: np.ndarray | None = None  # (2, C) pixels of the intersections and the unions
        self._n_classes = n_classes

    def hear(self, image: ImageScores) -> None:
        """Take up an image."""
        if image.mean_iou is not None:
            self._mean_ious.append(image.mean_iou)
        if self._observe is not None:
            self._observe(image)

    def add_to(self, scores: Scores) -> Scores:
        """Return the scores with those of the images, if it heard of any."""
        if not self._mean_ious:
            return scores
        return replace(scores, values_by_name={**scores.values_by_name, **self._of_images()})

    def _of_images(self) -> dict[str, float]:
        lowest = sorted(self._mean_ious)[: math.ceil(len(self._mean_ious) / 10)]
        return {
            "image_mean_iou": math.fsum(self._mean_ious) / len(self._mean_ious),
            "worst_tenth_iou": math.fsum(lowest) / len(lowest),
        }
