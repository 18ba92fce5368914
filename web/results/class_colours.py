"""The names and colours of a job's classes, for people to see."""

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from deeplab.datasets.class_names import load_class_colours
from deeplab.datasets.colour_table import load_colour_table
from deeplab.errors import DatasetError
from deeplab.images.palette import palette
from deeplab.mirrors import local_path
from deeplab.schema import Dataset
from worker.jobs.jobs import Job
from worker.jobs.records import evaluations
from worker.jobs.results.job_files import class_names
from worker.jobs.settings import Settings

Colours = NDArray[np.uint8]  # (256, 3) RGB, a row per value of a label map

_STEPS = 24  # of each colour channel among which distinct colours are chosen
_LIGHTNESS = (0.5, 0.86)  # of Oklab: what can be told from black and from white
_CHROMA = (0.07, 0.2)  # of Oklab: more than grey, less than what glares


def names_of(session: Session, settings: Settings, job: Job) -> list[str]:
    """The names of a job's classes: as it recorded them, else as its labels file says.

    Raises:
        DatasetError: if the labels file is gone or damaged.
    """
    evaluation = evaluations.find(session, job.id)
    if evaluation is not None and evaluation.scores.get("labels"):
        return list(evaluation.scores["labels"])
    return class_names(settings, job)


def colours_of(job: Job) -> Colours:
    """The colours that a job's classes are shown in; see `colours_of_dataset`."""
    return colours_of_dataset(Dataset.model_validate(job.config["DATASET"]))


def colours_of_dataset(dataset: Dataset) -> Colours:
    """The colours that the labels file or DATASET.PALETTE gives to classes, and for others those of masks."""
    colours = palette(dataset.N_CLASSES)
    for index, colour in _given(dataset).items():
        colours[index] = colour
    return colours


@lru_cache(maxsize=1)
def distinct_colours() -> Colours:
    """Colours that differ from one another as far as so many can, on light and on dark ground.

    Each is the one that is farthest from all before it, in Oklab.

    Source: Björn Ottosson, "A perceptual color space for image processing", 2020.
    """
    grid = np.linspace(0, 255, _STEPS).round().astype(np.uint8)
    candidates = np.stack(np.meshgrid(grid, grid, grid, indexing="ij"), axis=-1).reshape(-1, 3)
    places = _oklab(candidates)
    lightness, chroma = places[:, 0], np.hypot(places[:, 1], places[:, 2])
    fits = (lightness >= _LIGHTNESS[0]) & (lightness <= _LIGHTNESS[1]) & (chroma >= _CHROMA[0]) & (chroma <= _CHROMA[1])
    candidates, places = candidates[fits], places[fits]
    chosen = [int(np.argmin(np.abs(candidates.astype(int) - (66, 133, 244)).sum(axis=1)))]  # a blue to begin with
    distance = np.full(len(candidates), np.inf)
    while len(chosen) < 256:
        distance = np.minimum(distance, ((places - places[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(distance.argmax()))
    return candidates[chosen]


def _given(dataset: Dataset) -> Mapping[int, tuple[int, int, int]]:
    """The colours that people gave to classes. Files that are gone or damaged give none: only colours are wrong."""
    given: dict[int, tuple[int, int, int]] = {}
    with suppress(DatasetError):
        if dataset.PALETTE is not None:
            table = load_colour_table(local_path(dataset.PALETTE), dataset)
            given |= {index: colour for colour, index in reversed(table.classes.items())}  # of several the first
    with suppress(DatasetError):
        if dataset.LABELS is not None:
            given |= load_class_colours(local_path(dataset.LABELS))
    return given


def _oklab(colours: Colours) -> NDArray[np.float64]:
    """Convert sRGB, (N, 3) in 0..255, to Oklab: lightness, a and b."""
    encoded = colours / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    cones = np.cbrt(linear @ _LMS.T)
    places: NDArray[np.float64] = cones @ _LAB.T
    return places


_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
