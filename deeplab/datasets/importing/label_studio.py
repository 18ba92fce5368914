"""Read Label Studio's JSON: tasks with brushes, polygons, rectangles and ellipses. Torch-free.

Later regions of a task lie on earlier ones. Of several annotations of a task the one that is marked as ground truth
counts, else the newest. Predictions count only in a file without any annotation.

Source: https://labelstud.io/guide/task_format.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from deeplab.datasets.importing.export import ClassNames, Export
from deeplab.datasets.importing.files import ExportFiles, File, read_json
from deeplab.datasets.importing.gathering import Gathering
from deeplab.datasets.importing.label_studio_regions import find_region, has_area
from deeplab.datasets.importing.regions import Region, paint
from deeplab.datasets.importing.xml_elements import read_elements
from deeplab.errors import DatasetError
from deeplab.formats import plural
from deeplab.images.kinds import NAMED_SUFFIXES

CONFIGURATION = "label_config.xml"

_UPLOADED = re.compile("[0-9a-f]{8}-")  # what Label Studio puts before the names of uploaded files

Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Task:
    """What was labelled in one image."""

    size: tuple[int, int] | None
    regions: bytes  # [class, region] of each, as JSON: parsed, those of many images would take gigabytes
    where: str

    def draw(self, height: int, width: int) -> NDArray[np.uint8]:
        """Draw the regions. Raises DatasetError if one is malformed."""
        regions = (
            Region(index, f"region {row.get('id')!r}", find_region(row["value"]))
            for index, row in json.loads(self.regions)
        )
        return paint(regions, height, width, self.where)


def read_label_studio(files: ExportFiles) -> Export:
    """Read the tasks of a project.

    Classes are in the order of label_config.xml, if it is there, and then of their names.

    Raises:
        DatasetError: if a file is malformed, or an image is missing.
    """
    reading = _Reading(files)
    for place, task in enumerate(reading.tasks, start=1):
        reading.take(task, f"{reading.file}: task {task.get('id', place)}")
    return Export(reading.names.names, reading.gathering.images(), notes=[*reading.gathering.notes(), *reading.notes()])


class _Reading:
    """What was read of a file of tasks."""

    def __init__(self, files: ExportFiles) -> None:
        self.file = _file_of_tasks(files)
        self.tasks = _tasks_of(read_json(self.file.path), self.file)
        self.gathering, self.names = Gathering(files), ClassNames()
        self._predicted = not any(task.get("annotations") for task in self.tasks)
        self._n_without_area = self._n_unlabelled = self._n_several = 0
        for name in [*_configured(files), *sorted(self._all_names())]:
            self.names.add(name, str(self.file))

    def take(self, task: Row, where: str) -> None:
        """Take up a task, unless nobody has labelled it."""
        rows = self._rows(task)
        if rows is None:
            self._n_unlabelled += 1
            return
        self._n_several += len(_annotations_of(task)) > 1
        regions = []
        for row in rows:
            name = _label_of(row)
            if name is not None and has_area(row["value"]):
                regions.append([self.names.add(name, where), {"id": row.get("id"), "value": row["value"]}])
            else:
                self._n_without_area += name is not None
        address = _address_of(task, where)
        label = _Task(_size_of(rows, where), json.dumps(regions).encode(), where)
        self.gathering.add(address, label, where, also=_without_mark(address))

    def notes(self) -> list[str]:
        """Say what counts in a way that is not obvious, and what is left out."""
        counts = (
            (self._n_unlabelled, "task", "without an annotation left out"),
            (self._n_several, "task", "with several annotations: the ground truth or the newest one was taken"),
            (self._n_without_area, "region", "without an area left out"),
            (len(self.tasks) if self._predicted else 0, "task", "without any annotation: the predictions were taken"),
        )
        return [f"{plural(count, noun)} {sentence}." for count, noun, sentence in counts if count]

    def _rows(self, task: Row) -> list[Row] | None:
        """The regions that count; None if nobody has labelled the task."""
        found = _predictions_of(task) if self._predicted else _annotations_of(task)
        if not found:
            return None
        rows = max(found, key=lambda each: (bool(each.get("ground_truth")), str(each.get("updated_at", "")))).get(
            "result"
        )
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    def _all_names(self) -> set[str]:
        labels = (_label_of(row) for task in self.tasks for row in self._rows(task) or [])
        return {label for label in labels if isinstance(label, str)}


def _file_of_tasks(files: ExportFiles) -> File:
    found = files.ending(".json")
    return found[0] if len(found) == 1 else files.one_named("tasks.json")


def _tasks_of(content: Any, file: File) -> list[Row]:
    if not isinstance(content, list) or not all(isinstance(task, dict) and "data" in task for task in content):
        raise DatasetError(f"{file}: is no list of tasks with data; export the project as JSON, not as JSON-MIN.")
    return content


def _annotations_of(task: Row) -> list[Row]:
    found = task.get("annotations")
    kept = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    return [each for each in kept if not each.get("was_cancelled")]


def _predictions_of(task: Row) -> list[Row]:
    found = task.get("predictions")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _label_of(row: Row) -> Any:
    """The label of a region; None of what is no region, such as a choice."""
    value = row.get("value")
    if not isinstance(value, dict) or row.get("type") in ("choices", "textarea", "rating", "relation"):
        return None
    labels = value.get(str(row.get("type"))) or value.get("labels")
    return labels[0] if isinstance(labels, list) and labels else None


def _size_of(rows: list[Row], where: str) -> tuple[int, int] | None:
    """Height and width that the regions say; None if there is none."""
    sizes = [(row.get("original_height"), row.get("original_width")) for row in rows if "original_width" in row]
    if any(row.get("image_rotation") for row in rows):
        raise DatasetError(f"{where}: image_rotation is not 0; turn the image back before it is labelled.")
    if any(size != sizes[0] or not all(type(side) is int for side in size) for size in sizes):
        raise DatasetError(
            f"{where}: original_height and original_width must be whole numbers, the same for all regions."
        )
    return next(iter(sizes), None)  # type: ignore[return-value]  # whole numbers, as was just checked


def _address_of(task: Row, where: str) -> str:
    """The path of a task's image, as far as its address tells."""
    data = task["data"] if isinstance(task["data"], dict) else {}
    for address in (data.get("image"), *data.values()):
        if isinstance(address, str):
            path = _path_in(address)
            if PurePosixPath(path).suffix.lower() in NAMED_SUFFIXES:
                return path
    raise DatasetError(f"{where}: its data name no image; expected an address such as '/data/upload/1/a.jpg'.")


def _path_in(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    local = parse_qs(parts.query, errors="surrogateescape").get("d")
    return local[0] if local else unquote(parts.path, errors="surrogateescape")


def _without_mark(path: str) -> str:
    name = PurePosixPath(path).name
    return _UPLOADED.sub("", name, count=1) if _UPLOADED.match(name) else ""


def _configured(files: ExportFiles) -> Iterator[str]:
    """The labels of label_config.xml, in order."""
    names: list[str] = []

    def begin(path: tuple[str, ...], attributes: Mapping[str, str]) -> None:
        if path[-1] == "Label" and "value" in attributes:
            names.append(attributes["value"])

    for file in files.named(CONFIGURATION)[:1]:
        read_elements(file.path, begin, lambda _path, _text: None)
    yield from names
