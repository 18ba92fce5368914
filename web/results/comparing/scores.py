"""Evaluations as tables: scores side by side, IoU by class."""

from collections.abc import Sequence
from dataclasses import dataclass

from deeplab.catalog import IMAGE_SCORES, SCORES
from deeplab.datasets.class_names import default_class_names
from deeplab.images.palette import Colours
from web.results.classes import as_hex
from web.text.formats import as_points
from worker.jobs.records.evaluations import Evaluation


@dataclass(frozen=True)
class ScoreLine:
    """One score of several evaluations."""

    title: str
    values: Sequence[float | None]  # a fraction by evaluation; None where the class does not occur
    name: str = ""  # of a summary score
    index: int | None = None  # of a class
    colour: str | None = None

    @property
    def best(self) -> int | None:
        """The place of the highest value, as it is shown; None if another one equals it, or is all there is."""
        known = [as_points(value) for value in self.values if value is not None]
        if len(known) < 2 or known.count(max(known)) > 1:
            return None
        return [value is not None and as_points(value) for value in self.values].index(max(known))

    @property
    def difference(self) -> float | None:
        """The last value minus the first."""
        first, last = self.values[0], self.values[-1]
        return None if first is None or last is None else last - first

    @property
    def trend(self) -> str:
        """Whether the last value is "better" or "worse" than the first as both are shown; empty if neither."""
        shown = as_points(self.difference or 0.0)
        return "better" if shown > 0 else "worse" if shown < 0 else ""


def labels_of(evaluation: Evaluation) -> list[str]:
    """The names of the classes of an evaluation."""
    return evaluation.scores.get("labels") or default_class_names(len(evaluation.scores["class_iou"]))


def score_lines(evaluations: Sequence[Evaluation]) -> list[ScoreLine]:
    """The summary scores, a value per evaluation; those of single images where at least one evaluation has them."""
    there = {name: title for name, title in IMAGE_SCORES.items() if any(name in each.scores for each in evaluations)}
    return [
        ScoreLine(title, [evaluation.scores.get(name) for evaluation in evaluations], name)
        for name, title in {**SCORES, **there}.items()
    ]


def class_lines(evaluations: Sequence[Evaluation], colours: Sequence[Colours]) -> list[ScoreLine]:
    """The IoU of each class, a value per evaluation: by index if all know the same classes, else by name.

    Args:
        evaluations: to show side by side.
        colours: of the classes, by evaluation. A class has that of the first one which knows it.
    """
    labels = [labels_of(each) for each in evaluations]
    if all(names == labels[0] for names in labels):
        by_class = zip(*(each.scores["class_iou"] for each in evaluations), strict=True)
        return [
            ScoreLine(name, values, index=index, colour=as_hex(colours[0][index]))
            for index, (name, values) in enumerate(zip(labels[0], by_class, strict=True))
        ]
    tables = [
        dict(zip(names, each.scores["class_iou"], strict=True)) for names, each in zip(labels, evaluations, strict=True)
    ]
    first = {
        name: (index, as_hex(table[index]))
        for names, table in reversed(list(zip(labels, colours, strict=True)))
        for index, name in enumerate(names)
    }
    return [
        ScoreLine(name, [table.get(name) for table in tables], index=index, colour=colour)
        for name, (index, colour) in sorted(first.items(), key=lambda item: item[1][0])
    ]
