"""The layouts by their names in the configuration. Torch-free."""

from dataclasses import replace
from pathlib import Path

from deeplab import remote
from deeplab.datasets.colour_table import ColourMaskFile, load_colour_table
from deeplab.datasets.layouts.coco import list_coco
from deeplab.datasets.layouts.cocostuff import WARP_SIDE, list_cocostuff10k, list_cocostuff164k
from deeplab.datasets.layouts.folder import list_folder
from deeplab.datasets.layouts.voc import list_voc, list_vocaug
from deeplab.datasets.pairs import SplitListing
from deeplab.errors import ConfigError, DatasetError
from deeplab.files import printable
from deeplab.mirrors import local_path
from deeplab.schema import Dataset


def list_split(settings: Dataset, split: str) -> SplitListing:
    """List the files of a split in the layout that DATASET.NAME names.

    Raises:
        ConfigError: if DATASET.ROOT is empty.
        DatasetError: if the dataset's folder, the split or one of its folders is missing, or a list or
            the file of DATASET.PALETTE is malformed.
    """
    if settings.ROOT is None:
        raise ConfigError("DATASET.ROOT is empty; expected the folder of the dataset.")
    root = local_path(settings.ROOT)
    if not remote.is_folder(root):
        raise DatasetError(f"{printable(root)}: the dataset's folder does not exist.")
    if settings.NAME == "coco":
        return list_coco(root, split, settings.N_CLASSES, settings.CATEGORY_IDS)
    if settings.NAME == "cocostuff10k":
        return list_cocostuff10k(root, split, warp=settings.WARP)
    listing = _LAYOUTS[settings.NAME](root, split)
    return listing if settings.PALETTE is None else _with_colours(listing, local_path(settings.PALETTE), settings)


def warp_side_of(settings: Dataset) -> int | None:
    """The side of the squares that samples are warped to, pixels; None: they stay as they are."""
    return WARP_SIDE if settings.NAME == "cocostuff10k" and settings.WARP else None


def _with_colours(listing: SplitListing, path: Path, settings: Dataset) -> SplitListing:
    table = load_colour_table(path, settings)
    pairs = [replace(pair, ground_truth=ColourMaskFile(pair.ground_truth.path, table)) for pair in listing.pairs]
    return replace(listing, pairs=pairs)


_LAYOUTS = {
    "folder": list_folder,
    "voc": list_voc,
    "vocaug": list_vocaug,
    "cocostuff164k": list_cocostuff164k,
}
