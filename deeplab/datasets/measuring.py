"""What a training has to know of its images: their size and mean colour, measured on a sample. Torch-free."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from deeplab.datasets.layouts.by_name import list_split
from deeplab.errors import ImageError
from deeplab.images.bands import AS_TAGGED
from deeplab.images.files import image_size, read_image
from deeplab.schema import Dataset

_N_IMAGES = 64
_LARGEST = 50_000_000  # pixels of an image that is read
_SECONDS = 4.0


@dataclass(frozen=True)
class Measured:
    """A sample of a split."""

    n_images: int  # of the split
    height: int  # pixels, the median
    width: int
    mean: tuple[float, float, float] | None  # red, green and blue in 0..255; None: no image could be read


def measure_split(settings: Dataset, split: str, *, seconds: float = _SECONDS) -> Measured | None:
    """Read some images, spread over a split; None if none of them can be.

    Args:
        settings: the DATASET section.
        split: its name.
        seconds: when to stop reading.

    Raises:
        DatasetError, ConfigError: if the split cannot be listed.
    """
    pairs = list_split(settings, split).pairs
    deadline = time.monotonic() + seconds
    sizes: list[tuple[int, int]] = []
    means = []
    for pair in pairs[:: max(1, -(-len(pairs) // _N_IMAGES))]:
        try:
            height, width = image_size(pair.image)
            sizes.append((height, width))
            if height * width <= _LARGEST:
                means.append(read_image(pair.image, AS_TAGGED).mean(axis=(0, 1)))
        except ImageError:  # the training says so
            continue
        if time.monotonic() >= deadline:
            break
    if not sizes:
        return None
    height, width = (int(median(each[axis] for each in sizes)) for axis in (0, 1))
    return Measured(len(pairs), height, width, _mean_of(means))


def _mean_of(colours: Sequence[NDArray[np.float64]]) -> tuple[float, float, float] | None:
    if not colours:
        return None
    red, green, blue = np.mean(colours, axis=0).round(3).tolist()
    return red, green, blue
