"""The endless random order of training samples, any part of which can be drawn again."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from deeplab.config import Config
from deeplab.datasets.split import SplitDataset, open_split
from deeplab.datasets.transforms import Augmentation

_ORDER, _AUGMENTATION = 0, 1  # keep the two uses of the seed apart


class TrainingStream(Dataset[tuple[Tensor, Tensor]]):
    """Augmented samples by their position in the run: 0 is the first that training sees.

    Each epoch is a new permutation of the split. A sample depends on the seed and its position alone, not on what was
    drawn before or by which process; so a resumed run sees what the uninterrupted one would have seen.
    """

    def __init__(self, dataset: SplitDataset, augment: Augmentation, seed: int) -> None:
        self.dataset = dataset
        self.augment = augment
        self.seed = seed

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]:
        """Draw an image, (3, crop, crop) float32, and its label map, (crop, crop) uint8; see `Augmentation`."""
        rng = np.random.default_rng((self.seed, _AUGMENTATION, position))
        return self.augment(self.dataset[self.index_of(position)], rng)

    def index_of(self, position: int) -> int:
        """Return the place in the split of the sample at a position of the run."""
        epoch, place = divmod(position, len(self.dataset))
        return int(_permutation(len(self.dataset), self.seed, epoch)[place])


def open_training_stream(config: Config, split: str, seed: int) -> TrainingStream:
    """Open a split for training, with the augmentation that the configuration describes.

    Args:
        config: DATASET and IMAGE are read.
        split: name of the split.
        seed: of the order and the augmentation.

    Raises:
        ConfigError, DatasetError: as `open_split`.
    """
    return TrainingStream(open_split(config, split), Augmentation.from_config(config), seed)


@lru_cache(maxsize=2)
def _permutation(length: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, _ORDER, epoch)).permutation(length)
