"""The layouts of PASCAL VOC 2012, with its own masks and with the augmented ones. Torch-free."""

from pathlib import Path

from deeplab import remote
from deeplab.datasets.layouts.lists import read_ids, read_paths
from deeplab.datasets.pairs import MaskFile, Pair, SplitListing, list_files
from deeplab.errors import DatasetError
from deeplab.files import printable

_YEAR = "VOC2012"


def list_voc(root: Path, split: str) -> SplitListing:
    """List VOC 2012 as published: the ids of ROOT/VOC2012/ImageSets/Segmentation/<split>.txt.

    Args:
        root: the folder VOCdevkit.
        split: "train", "val" or "trainval".

    Raises:
        DatasetError: if the folder or list is missing, or the list is empty.
    """
    base = _base(root)
    ids = read_ids(base / "ImageSets" / "Segmentation" / f"{split}.txt", base / "JPEGImages")
    images, masks = base / "JPEGImages", base / "SegmentationClass"
    return list_files(split, (Pair(each, images / f"{each}.jpg", MaskFile(masks / f"{each}.png")) for each in ids))


def list_vocaug(root: Path, split: str) -> SplitListing:
    """List VOC 2012 with masks by Hariharan et al.: the paths in ROOT/VOC2012/ImageSets/SegmentationAug/<split>.txt.

    Args:
        root: the folder VOCdevkit.
        split: "train", "train_aug", "val", "trainval" or "trainval_aug".

    Raises:
        DatasetError: if the folder or the list is missing, or a line is not two paths.
    """
    base = _base(root)
    paths = read_paths(base / "ImageSets" / "SegmentationAug" / f"{split}.txt", base)
    return list_files(split, (Pair(each, base / image, MaskFile(base / mask)) for each, (image, mask) in paths.items()))


def _base(root: Path) -> Path:
    if not remote.is_folder(root / _YEAR):
        raise DatasetError(f"{printable(root)}: has no folder {_YEAR}; expected the path of VOCdevkit.")
    return root / _YEAR
