"""The rows of a segment job's manifest, as its results have them."""

import os
from collections.abc import Iterator, Sequence

from deeplab.inference.manifest import Row
from deeplab.scores.image_scores import Certainty
from worker.jobs.results.store import Results

_CLASSES = ("class", "pixels", "confidence")
_COLUMNS = (
    "path",
    "raw_path",
    "width",
    "height",
    "status",
    "error",
    "seconds",
    "frames",
    "confidence",
    # Lists of numbers become Python's several times faster than lists of records.
    *(f'list_transform(classes, lambda each: each."{name}")' for name in _CLASSES),
)


def manifest_rows(results: Results) -> Iterator[Row]:
    """Yield a row for each image and video, by name.

    Raises:
        OutputError: if the results cannot be read.
    """
    for path, raw_path, width, height, status, error, seconds, frames, confidence, *classes in results.read_through(
        _COLUMNS
    ):
        indices, pixels, confidences = (values or () for values in classes)
        yield Row(
            path=path if raw_path is None else os.fsdecode(raw_path),
            width=width,
            height=height,
            status=status,
            error=error,
            seconds=seconds,
            pixels=dict(zip(indices, pixels, strict=True)),
            frames=frames,
            certainty=None if confidence is None else _certainty(confidence, indices, confidences),
        )


def _certainty(confidence: float, indices: Sequence[int], confidences: Sequence[float | None]) -> Certainty:
    known = {index: each for index, each in zip(indices, confidences, strict=True) if each is not None}
    return Certainty(confidence, known, None, {})
