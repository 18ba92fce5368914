"""How frequent the classes of a split are, and the weights that make up for it."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deeplab.datasets.loading import read_in_order
from deeplab.datasets.pairs import Pair
from deeplab.datasets.split import SplitDataset
from deeplab.reporter import Reporter, Stopped

Rule = Literal["inverse", "median_frequency"]


@dataclass(frozen=True)
class Frequency:
    """How often each class occurs."""

    pixels: NDArray[np.int64]  # (C,) pixels of the class
    surroundings: NDArray[np.int64]  # (C,) labelled pixels of all images that hold the class

    def weights(self, rule: Rule) -> NDArray[np.float32]:
        """Weigh the classes; one that does not occur has weight 0.

        "inverse": the reciprocal of the class's share of all pixels, divided by the number of classes that occur. All
        of them then have the same part in a loss over the split, and the mean weight of its pixels is 1.

        "median_frequency": the frequency of a class is its share of the pixels of the images that hold it; the weight
        is the median of the frequencies over that of the class. (Eigen & Fergus, ICCV 2015, section 6.3.2.)

        Raises:
            ValueError: if no class occurs.
        """
        occurs = self.pixels > 0
        if not occurs.any():
            raise ValueError("no pixel has a class")
        pixels = self.pixels[occurs].astype(np.float64)
        weights = np.zeros(len(self.pixels), np.float32)
        if rule == "inverse":
            weights[occurs] = pixels.sum() / (len(pixels) * pixels)
        else:
            frequencies = pixels / self.surroundings[occurs]
            weights[occurs] = np.median(frequencies) / frequencies
        return weights


def count_classes(dataset: SplitDataset, reporter: Reporter, *, n_workers: int) -> Frequency:
    """Count the classes in masks of a split, as they are on disk: without scaling, cropping or warping.

    Args:
        dataset: the split, or a part of it.
        reporter: hears of each mask.
        n_workers: processes that read; 0 reads in this one.

    Raises:
        Stopped: if the reporter asked for it.
        DatasetError, ImageError: at a mask that cannot be read.
    """
    pixels, surroundings = np.zeros((2, dataset.n_classes), np.int64)
    masks = _Counts(dataset.pairs, dataset.n_classes)
    with closing(read_in_order(masks, n_workers)) as counted:
        for n_done, counts in enumerate(counted, start=1):
            pixels += counts
            surroundings[counts > 0] += counts.sum()
            reporter.progress(n_done, len(masks), "mask")
            if reporter.should_stop():
                raise Stopped
    return Frequency(pixels, surroundings)


class _Counts:
    """Pixels by class, (C,) int64, of the masks of some pairs. Values that are no class are left to training."""

    def __init__(self, pairs: Sequence[Pair], n_classes: int) -> None:
        self.pairs = pairs
        self.n_classes = n_classes

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> NDArray[np.int64]:
        label_map = self.pairs[index].ground_truth.read()
        return np.bincount(label_map.ravel(), minlength=self.n_classes)[: self.n_classes]
