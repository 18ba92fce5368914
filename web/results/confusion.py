"""The confusion matrix of an evaluation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from web.results.scores import labels_of
from worker.jobs.records.evaluations import Evaluation

_VISIBLE = 0.005  # smaller shares of a row are not drawn: nearly every cell of a matrix of 182 classes is empty


@dataclass(frozen=True)
class Cell:
    """The share of a true class's pixels that was predicted as some class."""

    true: int
    predicted: int
    fraction: float


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix, each row as fractions of its true class."""

    labels: Sequence[str]
    cells: Sequence[Cell]  # those that are large enough to be seen
    worst: Sequence[Cell]  # the most frequent confusions


def confusion_of(evaluation: Evaluation, counts: Sequence[Sequence[int]] | None) -> Confusion | None:
    """The confusion matrix of an evaluation, (C, C) pixel counts, as shares of its rows; None if there is none."""
    if not counts:
        return None
    cells = list(_cells(np.array(counts, np.float64)))
    mistakes = sorted((cell for cell in cells if cell.true != cell.predicted), key=lambda cell: -cell.fraction)
    return Confusion(labels_of(evaluation), cells, mistakes[:5])


def _cells(counts: NDArray[np.float64]) -> Iterator[Cell]:
    """Yield the visible cells of (C, C) pixel counts, whose rows are ground truth."""
    totals = counts.sum(axis=1, keepdims=True)
    fractions = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    for true, predicted in np.argwhere(fractions >= _VISIBLE):
        yield Cell(int(true), int(predicted), float(fractions[true, predicted]))
