"""What a model's label map of one image is worth: the record that evaluations leave of each image. Torch-free."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Certainty:
    """How sure the model is of one image, and how far it believes the image's ground truth."""

    top: float  # mean over the pixels of the probability of the class that was chosen
    top_by_class: Mapping[int, float]  # the same over the pixels of each predicted class
    label_quality: float | None  # softmin over the labelled pixels of the true class's probability; None without truth
    label_quality_by_class: Mapping[int, float]  # the same over the pixels of each true class


@dataclass(frozen=True)
class BoundaryOverlap:
    """The pixels near the boundary of one class, as boundary IoU counts them."""

    intersection: int
    union: int


@dataclass(frozen=True)
class Cell:
    """A cell of an image's confusion matrix that is not zero."""

    true: int
    predicted: int
    pixels: int


@dataclass(frozen=True)
class ImageScores:
    """One image of an evaluation."""

    id: str
    width: int  # pixels
    height: int
    seconds: float  # of work on this image, its reading included; in a batch its share
    pixels: Mapping[int, int]  # by predicted class, of all pixels, whether they have a true class or not
    cells: Sequence[Cell]  # of the pixels that have a true class
    certainty: Certainty | None = None  # None if there are no probs, as after a CRF that returns labels alone
    boundaries: Mapping[int, BoundaryOverlap] | None = None  # by class; None if boundary IoU was not asked for

    @cached_property
    def class_iou(self) -> Mapping[int, float]:
        """IoU by class, of the classes that occur in the ground truth or in the label map where it is labelled."""
        hits, union = dict[int, int](), dict[int, int]()
        for cell in self.cells:
            if cell.true == cell.predicted:
                hits[cell.true] = cell.pixels
            for index in {cell.true, cell.predicted}:
                union[index] = union.get(index, 0) + cell.pixels
        return {index: hits.get(index, 0) / n for index, n in sorted(union.items())}

    @property
    def mean_iou(self) -> float | None:
        """Mean IoU over the classes of the image's ground truth; None if no pixel is labelled."""
        true = {cell.true for cell in self.cells}
        return sum(self.class_iou[index] for index in true) / len(true) if true else None

    @property
    def pixel_accuracy(self) -> float | None:
        """The share of the labelled pixels that are right; None if none is labelled."""
        total = sum(cell.pixels for cell in self.cells)
        return sum(cell.pixels for cell in self.cells if cell.true == cell.predicted) / total if total else None


def cells_of(counts: NDArray[np.int64]) -> tuple[Cell, ...]:
    """The cells that are not zero of (C, C) pixel counts, whose rows are ground truth."""
    places = np.argwhere(counts)
    numbers = np.column_stack([places, counts[tuple(places.T)]]).tolist()
    return tuple(Cell(*each) for each in numbers)


def occurring(counts: NDArray[np.int64]) -> dict[int, int]:
    """The pixels by class, of (C,) pixel counts, without the classes that have none."""
    return {int(index): int(counts[index]) for index in np.flatnonzero(counts)}
