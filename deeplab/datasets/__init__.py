"""Data sets: pairs of images and masks, as they are and as the network trains on them."""

from pathlib import Path
from typing import Literal, overload

from deeplab.config import Config
from deeplab.datasets.folder import FolderDataset, read_ids
from deeplab.datasets.sample import Sample
from deeplab.datasets.stream import TrainingStream
from deeplab.datasets.transforms import Augmentation
from deeplab.errors import ConfigError
from deeplab.labels import load_labels

__all__ = ["Augmentation", "FolderDataset", "Sample", "TrainingStream", "build_dataset", "read_ids"]


@overload
def build_dataset(config: Config, split: str, *, train: Literal[True], seed: int = 0) -> TrainingStream: ...
@overload
def build_dataset(config: Config, split: str, *, train: Literal[False], seed: int = 0) -> FolderDataset: ...
def build_dataset(config: Config, split: str, *, train: bool, seed: int = 0) -> TrainingStream | FolderDataset:
    """Open a split of the data set that the DATASET section describes.

    Args:
        config: DATASET is read, and IMAGE for training.
        split: name of the split list.
        train: whether to draw augmented samples in random order without end, or to read each pair once as it is.
        seed: of the random order and augmentation.

    Raises:
        ConfigError: if DATASET.ROOT is empty or DATASET.NAME is of no known layout.
        DatasetError: if files are missing, or DATASET.LABELS does not name the classes.
    """
    settings = config.DATASET
    if settings.NAME != "folder":
        raise ConfigError(f"DATASET.NAME {settings.NAME!r} cannot be read yet; expected folder.")
    if settings.ROOT is None:
        raise ConfigError("DATASET.ROOT is empty; expected the folder of the data set.")
    if settings.LABELS is not None:
        load_labels(Path(settings.LABELS), settings.N_CLASSES)
    dataset = FolderDataset(Path(settings.ROOT), split, settings.N_CLASSES, settings.IGNORE_LABEL)
    return TrainingStream(dataset, Augmentation.from_config(config), seed) if train else dataset
