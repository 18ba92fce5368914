"""Evaluations with rows of their images, as evaluate jobs record them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tests.web.measurements import scores
from tests.web.population import Population
from tests.web.scenes import LABELS
from tests.worker.jobs.results.images import evaluated
from worker.jobs import leases, storage
from worker.jobs.records import evaluations
from worker.jobs.results import parts
from worker.jobs.results.writer import write_part

Cell = tuple[int, int, int]  # true class, predicted class, pixels


def record_evaluation(
    population: Population,
    images: Mapping[str, Sequence[Cell]],
    labels: Sequence[str] = tuple(LABELS),
    *,
    with_rows: bool = True,
    **columns: Any,
) -> int:
    """An evaluate job that has ended; `columns` are others of the evaluation, such as its policy."""
    job_id = population.submit("evaluate", checkpoint="4", dataset="shapes")
    fence = population.claim(job_id)
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    for cells in images.values():
        for true, predicted, pixels in cells:
            confusion[true, predicted] += pixels
    with leases.fenced(population.settings, job_id, fence) as session:
        if with_rows:
            folder = storage.part_dir(population.settings, job_id, fence, 1)
            write_part(folder, [evaluated(path, *cells) for path, cells in images.items()])
            parts.add(session, job_id, folder, len(images))
        given = {
            "checkpoint": "elsewhere.pth",
            "dataset": "shapes",
            "split": "val",
            "settings": {"inference": {}},
        } | columns
        measured = {**scores(confusion.tolist(), labels), "n_images": len(images)}
        evaluations.add(session, job_id, scores=measured, confusion=confusion.tolist(), **given)
    population.finish(job_id, fence, result={"mean_iou": measured["mean_iou"]})
    return job_id


def images(n: int, right: int, *, spread: int = 5) -> dict[str, list[Cell]]:
    """Images with two classes of 100 pixels each, about `right` of which are right, and a third one that is perfect."""
    return {
        f"{number:03d}": [(0, 0, hits), (0, 1, 100 - hits), (1, 1, hits), (1, 0, 100 - hits), (2, 2, 50)]
        for number in range(n)
        for hits in [right + number % spread]
    }
