"""The samples of a split, by their place in its list. Torch-free."""

from collections.abc import Sequence

import numpy as np

from deeplab.config import Config
from deeplab.datasets.class_names import class_names_of
from deeplab.datasets.layouts.by_name import list_split
from deeplab.datasets.pairs import Pair
from deeplab.datasets.sample import Sample, read_sample, warp
from deeplab.images.bands import AS_TAGGED, Reading
from deeplab.images.files import read_image


class SplitDataset:
    """Reads each pair of a split when it is asked for.

    Args:
        name: of the split, for error sentences.
        pairs: where the files are.
        n_classes: how many classes label maps may hold.
        ignore_label: the value of pixels without a class.
        warp_side: warp every sample to a square with sides of so many pixels; None leaves samples as they are.
        reading: how to read the image files.
        labelled: whether the pairs have masks; where not, label maps hold the ignore label alone.
    """

    def __init__(
        self,
        name: str,
        pairs: Sequence[Pair],
        n_classes: int,
        ignore_label: int,
        warp_side: int | None = None,
        reading: Reading = AS_TAGGED,
        *,
        labelled: bool = True,
    ) -> None:
        self.name = name
        self.pairs = pairs
        self.ids = [pair.id for pair in pairs]
        self.n_classes = n_classes
        self.ignore_label = ignore_label
        self.warp_side = warp_side
        self.reading = reading
        self.labelled = labelled

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read a pair. Raises DatasetError or ImageError as `read_sample` does."""
        pair = self.pairs[index]
        if self.labelled:
            sample = read_sample(pair, self.n_classes, self.ignore_label, self.reading)
        else:
            image = read_image(pair.image, self.reading)
            sample = Sample(pair.id, image, np.full(image.shape[:2], self.ignore_label, np.uint8))
        return sample if self.warp_side is None else warp(sample, self.warp_side)

    def part(self, first: int, step: int) -> "SplitDataset":
        """Return every `step`-th pair from the `first` on, as a dataset."""
        return SplitDataset(
            self.name,
            self.pairs[first::step],
            self.n_classes,
            self.ignore_label,
            self.warp_side,
            self.reading,
            labelled=self.labelled,
        )


def has_ground_truth(config: Config, split: str) -> bool:
    """Whether any image of a split has its mask. Raises as `open_split`."""
    return list_split(config.DATASET, split).has_ground_truth


def open_split(config: Config, split: str, *, labelled: bool = True) -> SplitDataset:
    """Open a split of the dataset that the DATASET section describes.

    Args:
        config: DATASET and IMAGE are read.
        split: name of the split.
        labelled: whether the images must have masks, or are read without.

    Raises:
        ConfigError: if DATASET.ROOT is empty.
        DatasetError: if files are missing, or DATASET.LABELS does not name the classes.
    """
    settings = config.DATASET
    class_names_of(settings)  # a labels file of other classes is an error before any image is read
    listing = list_split(settings, split)
    return SplitDataset(
        split,
        listing.require_complete() if labelled else listing.require_images(),
        settings.N_CLASSES,
        settings.IGNORE_LABEL,
        listing.warp_side,
        Reading.of(config.IMAGE),
        labelled=labelled,
    )
