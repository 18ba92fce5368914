"""Evaluations as tables: scores side by side, IoU by class, the confusion matrix."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deeplab.catalog import IMAGE_SCORES, SCORES
from deeplab.datasets.class_names import default_class_names
from web.results.segmentation import colour
from worker.jobs.records.evaluations import Evaluation

_VISIBLE = 0.005  # smaller shares of a row are not drawn: nearly every cell of a matrix of 182 classes is empty


@dataclass(frozen=True)
class ScoreLine:
    """One score of several evaluations."""

    title: str
    values: Sequence[float | None]  # a fraction by evaluation; None where the class does not occur
    colour: str | None = None  # of a class

    @property
    def best(self) -> float | None:
        """The highest value, if there are several to compare."""
        known = [value for value in self.values if value is not None]
        return max(known) if len(known) > 1 else None

    @property
    def difference(self) -> float | None:
        """The last value minus the first."""
        first, last = self.values[0], self.values[-1]
        return None if first is None or last is None else last - first


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


def labels_of(evaluation: Evaluation) -> list[str]:
    """The names of the classes of an evaluation."""
    return evaluation.scores.get("labels") or default_class_names(len(evaluation.scores["class_iou"]))


def score_lines(evaluations: Sequence[Evaluation]) -> list[ScoreLine]:
    """The summary scores, a value per evaluation; those of single images where at least one evaluation has them."""
    there = {name: title for name, title in IMAGE_SCORES.items() if any(name in each.scores for each in evaluations)}
    return [
        ScoreLine(title, [evaluation.scores.get(name) for evaluation in evaluations])
        for name, title in {**SCORES, **there}.items()
    ]


def class_lines(evaluations: Sequence[Evaluation]) -> list[ScoreLine]:
    """The IoU of each class by its name, a value per evaluation."""
    tables = [dict(zip(labels_of(each), each.scores["class_iou"], strict=False)) for each in evaluations]
    indices = {name: index for each in evaluations for index, name in enumerate(labels_of(each))}
    return [
        ScoreLine(name, [table.get(name) for table in tables], colour(index))
        for name, index in sorted(indices.items(), key=lambda item: item[1])
    ]


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
