"""A quick look at the masks of a split before a training starts. Torch-free."""

import math
import time
from collections.abc import Sequence

import numpy as np

from deeplab.datasets.checking.judge import judge_values
from deeplab.datasets.pairs import Pair
from deeplab.errors import DatasetError, ImageError
from deeplab.schema import Dataset

_N_MASKS = 200
_SECONDS = 5.0


def scan_masks(pairs: Sequence[Pair], settings: Dataset, *, seconds: float = _SECONDS) -> list[str]:
    """Read up to 200 masks, spread over a split, and say what is wrong with nearly every one of them.

    Args:
        pairs: of the split.
        settings: the DATASET section.
        seconds: when to stop reading.

    Returns:
        A sentence for each finding of `judge_values`; masks that cannot be read are left to those who need them.
    """
    values: set[int] = set()
    deadline = time.monotonic() + seconds
    n_read = 0
    for pair in pairs[:: max(1, math.ceil(len(pairs) / _N_MASKS))]:
        try:
            values.update(np.unique(pair.ground_truth.read()).tolist())
        except (ImageError, DatasetError):
            continue
        n_read += 1
        if time.monotonic() >= deadline:
            break
    if not n_read:
        return []
    where = f"{n_read} of {len(pairs)} masks of the training split"
    return [warning.sentence for warning in judge_values(values, settings, where)]
