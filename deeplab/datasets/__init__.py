"""Data sets: pairs of images and masks, as they are and as the network trains on them. Torch-free until training."""

from typing import TYPE_CHECKING, Literal, overload

from deeplab.config import Config
from deeplab.datasets.class_names import class_names_of
from deeplab.datasets.layouts.by_name import list_split
from deeplab.datasets.layouts.lists import read_ids
from deeplab.datasets.sample import Sample
from deeplab.datasets.split import SplitDataset

if TYPE_CHECKING:
    from deeplab.datasets.stream import TrainingStream

__all__ = ["Sample", "SplitDataset", "build_dataset", "list_split", "read_ids"]

_WARP_SIDE = 513  # pixels, of COCO-Stuff 10k in the original


@overload
def build_dataset(config: Config, split: str, *, train: Literal[True], seed: int = 0) -> "TrainingStream": ...
@overload
def build_dataset(config: Config, split: str, *, train: Literal[False], seed: int = 0) -> SplitDataset: ...
def build_dataset(config: Config, split: str, *, train: bool, seed: int = 0) -> "TrainingStream | SplitDataset":
    """Open a split of the data set that the DATASET section describes.

    Args:
        config: DATASET is read, and IMAGE for training.
        split: name of the split.
        train: whether to draw augmented samples in random order without end, or to read each pair once as it is.
        seed: of the random order and augmentation.

    Raises:
        ConfigError: if DATASET.ROOT is empty.
        DatasetError: if files are missing, or DATASET.LABELS does not name the classes.
    """
    settings = config.DATASET
    class_names_of(settings)
    pairs = list_split(settings, split).require_complete()
    side = _WARP_SIDE if settings.NAME == "cocostuff10k" and settings.WARP else None
    dataset = SplitDataset(split, pairs, settings.N_CLASSES, settings.IGNORE_LABEL, side)
    if not train:
        return dataset
    # Imported here, because reading alone does not need PyTorch.
    from deeplab.datasets.stream import TrainingStream
    from deeplab.datasets.transforms import Augmentation

    return TrainingStream(dataset, Augmentation.from_config(config), seed)
