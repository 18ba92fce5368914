"""Which images of a job are asked for, and in what order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deeplab.errors import DeepLabError


class QuestionError(DeepLabError):
    """A question that the results cannot answer."""


@dataclass(frozen=True)
class Filter:
    """Which images are asked for: those that fulfil all that is given."""

    status: str | None = None  # ok or error
    name: str = ""  # part of the path, in capital letters or small ones
    folder: str = ""  # the path begins with it
    classes: tuple[int, ...] = ()  # that occur in the label map
    min_share: float | None = None  # of the first of the classes, of the image's pixels
    max_share: float | None = None
    min_confidence: float | None = None
    max_confidence: float | None = None
    in_truth: bool = False  # the classes occur in the ground truth, whether or not in the label map
    cell: tuple[int, int] | None = None  # true and predicted class: images that have pixels of this confusion

    @property
    def main_class(self) -> int | None:
        """The class that shares and IoU of a class are about."""
        return self.classes[0] if self.classes else None


@dataclass(frozen=True)
class Sort:
    """An order of images: by a value, and by key among equals."""

    value: str  # an SQL expression that is never null; images whose value is not known come last
    needs: str = "images"  # the table that knows the value
    falling: bool = False
    by_text: bool = False  # else by a number


UNKNOWN = 1e30  # stands for a value that is not known in rising orders; its negative in falling ones


def _rising(column: str, needs: str = "images") -> Sort:
    return Sort(f"coalesce({column}, {UNKNOWN})::DOUBLE", needs)


def _falling(column: str, needs: str = "images") -> Sort:
    return Sort(f"coalesce({column}, -{UNKNOWN})::DOUBLE", needs, falling=True)


SORTS: Mapping[str, Sort] = {
    "name": Sort("images.path", by_text=True),
    "-name": Sort("images.path", falling=True, by_text=True),
    "seconds": _rising("images.seconds"),
    "-seconds": _falling("images.seconds"),
    "mean_iou": _rising("images.mean_iou"),
    "-mean_iou": _falling("images.mean_iou"),
    "pixel_accuracy": _rising("images.pixel_accuracy"),
    "-pixel_accuracy": _falling("images.pixel_accuracy"),
    "confidence": _rising("images.confidence"),
    "-confidence": _falling("images.confidence"),
    "label_quality": _rising("images.label_quality"),
    "-label_quality": _falling("images.label_quality"),
    "share": _rising("of_class.share", "classes"),
    "-share": _falling("of_class.share", "classes"),
    "class_iou": _rising("of_class.iou", "classes"),
    "-class_iou": _falling("of_class.iou", "classes"),
    "class_label_quality": _rising("of_class.label_quality", "classes"),
    "-pixels": _falling("of_cell.pixels", "cells"),
}


def parse_sort(name: str, wanted: Filter) -> Sort:
    """Find an order by its name.

    Raises:
        QuestionError: if there is none, or it is about a class or a cell and the filter names none.
    """
    sort = SORTS.get(name)
    if sort is None:
        raise QuestionError(f"sort must be one of {', '.join(SORTS)}, got {name!r}.")
    if sort.needs == "classes" and wanted.main_class is None:
        raise QuestionError(f"sort={name} needs a class: it orders by what is known of one class.")
    if sort.needs == "cells" and wanted.cell is None:
        raise QuestionError(f"sort={name} needs a cell of the confusion matrix.")
    return sort


@dataclass
class Clauses:
    """Tables, conditions and their values, as SQL."""

    tables: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    def join(self, table: str) -> None:
        """Take one more table."""
        if table not in self.tables:
            self.tables.append(table)

    def require(self, condition: str, **values: Any) -> None:
        """Add a condition, with the values of its parameters."""
        self.conditions.append(condition)
        self.values |= values

    @property
    def source(self) -> str:
        """The tables, joined, and all conditions: FROM ... WHERE ..."""
        joined = self.tables[0] + "".join(f' JOIN {table} USING ("key")' for table in self.tables[1:])
        return f"FROM {joined} WHERE {' AND '.join(self.conditions) or 'true'}"


_TABLE_OF = {"images": "images", "classes": "classes AS of_class", "cells": "cells AS of_cell"}


def clauses_of(wanted: Filter, needs: str | None = None) -> Clauses:
    """Write a filter as SQL over `images`, `of_class` (the main class in each image) and `of_cell`.

    Only the tables are read that a condition, or the order, is about.

    Args:
        wanted: the filter.
        needs: the table that an order is about.
    """
    clauses = Clauses()
    if needs is not None:
        clauses.join(_TABLE_OF[needs])
    _require_of_images(clauses, wanted)
    _require_classes(clauses, wanted)
    if wanted.cell is not None:
        clauses.join(_TABLE_OF["cells"])
        true, predicted = wanted.cell
        clauses.require("of_cell.true_class = $true_class", true_class=true)
        clauses.require("of_cell.predicted_class = $predicted_class", predicted_class=predicted)
    if not clauses.tables:
        clauses.join("images")
    return clauses


def _require_of_images(clauses: Clauses, wanted: Filter) -> None:
    asked = Clauses()
    if wanted.status is not None:
        asked.require("images.status = $status", status=wanted.status)
    if wanted.name:
        asked.require("contains(lower(images.path), $name)", name=wanted.name.lower())
    if wanted.folder:
        asked.require("starts_with(images.path, $folder)", folder=wanted.folder.rstrip("/") + "/")
    _require_range(asked, "images.confidence", wanted.min_confidence, wanted.max_confidence)
    if asked.conditions:
        clauses.join("images")
        clauses.conditions += asked.conditions
        clauses.values |= asked.values


def _require_classes(clauses: Clauses, wanted: Filter) -> None:
    """The first class is `of_class`, which the order and the shares may be about; of others only that they occur."""
    occurs = "true_pixels > 0" if wanted.in_truth else "pixels > 0"
    for place, index in enumerate(wanted.classes):
        name = f"class_{place}"
        if place == 0:
            clauses.join(_TABLE_OF["classes"])
            clauses.require(f"of_class.class = $class_0 AND of_class.{occurs}", class_0=index)
            _require_range(clauses, "of_class.share", wanted.min_share, wanted.max_share)
        else:
            found = f'SELECT "key" FROM classes WHERE class = ${name} AND {occurs}'  # noqa: S608
            clauses.require(f'"key" IN ({found})', **{name: index})


def _require_range(clauses: Clauses, column: str, low: float | None, high: float | None) -> None:
    name = column.replace(".", "_")
    if low is not None:
        clauses.require(f"{column} >= ${name}_low::FLOAT", **{f"{name}_low": low})
    if high is not None:
        clauses.require(f"{column} <= ${name}_high::FLOAT", **{f"{name}_high": high})
