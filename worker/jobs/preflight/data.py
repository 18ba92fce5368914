"""Whether the images and masks of a job are there and fit, as far as a look at a few of them tells."""

import time
from collections.abc import Iterator
from pathlib import Path

from deeplab.config import Config
from deeplab.datasets.class_names import class_names_of
from deeplab.datasets.pairs import Pair
from deeplab.datasets.split import open_split
from deeplab.images.files import image_size
from deeplab.inference.inputs import walk_inputs
from worker.jobs.requests.specs import CrfSpec, EvaluateSpec, SegmentSpec, TrainSpec

_N_SAMPLES = 6  # of a split that are read
_LARGEST_SAMPLE = 50_000_000  # pixels; larger images take too long
_SECONDS = 3.0  # for the samples of a split, and for counting images


def splits_of(
    spec: TrainSpec | EvaluateSpec | CrfSpec | SegmentSpec, config: Config, evaluated: str | None
) -> list[str]:
    """The splits that a job reads.

    Args:
        spec: the request.
        config: what it resolved to.
        evaluated: the split of the evaluate job whose logits a crf job refines.
    """
    names = config.DATASET.SPLIT
    match spec:
        case TrainSpec():
            return [names.TRAIN, *([names.VAL] if config.SOLVER.EVAL_EVERY else [])]
        case EvaluateSpec():
            return [spec.split or names.VAL]
        case CrfSpec():
            return [evaluated or names.VAL]
        case SegmentSpec():
            return []


def require_split(config: Config, split: str) -> None:
    """Refuse a split that is not there, not complete, or whose masks are not those of the classes.

    Raises:
        DatasetError, ImageError, ConfigError: what the job itself would fail with.
    """
    dataset = open_split(config, split)
    deadline = time.monotonic() + _SECONDS
    for index in _spread(len(dataset)):
        if not _is_large(dataset.pairs[index]):
            dataset[index]
        if time.monotonic() > deadline:
            return


def require_classes(config: Config) -> None:
    """Refuse a labels file that is missing, malformed or of other classes. Raises DatasetError."""
    class_names_of(config.DATASET)


def count_inputs(path: Path, output: Path | None) -> int | None:
    """Count the images and videos of a folder, as a segmentation lists them.

    Returns:
        How many there are; None: too many to be counted in a few seconds.

    Raises:
        DatasetError: if a folder cannot be listed, or there is nothing to segment.
    """
    deadline, count = time.monotonic() + _SECONDS, 0
    try:
        for found in walk_inputs(path, exclude=output, tick=lambda: _require_time(deadline)):
            count += found.what == "wanted"
    except _TimeIsUpError:
        return None
    return count


class _TimeIsUpError(Exception):
    """A look has taken long enough."""


def _require_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise _TimeIsUpError


def _spread(count: int) -> Iterator[int]:
    """A few places of a list, from its beginning to its end."""
    n_samples = min(count, _N_SAMPLES)
    yield from dict.fromkeys(number * (count - 1) // max(n_samples - 1, 1) for number in range(n_samples))


def _is_large(pair: Pair) -> bool:
    height, width = image_size(pair.image)
    return height * width > _LARGEST_SAMPLE
