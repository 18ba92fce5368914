"""The layouts by their names in the configuration. Torch-free."""

from pathlib import Path

from deeplab.datasets.layouts.coco import list_coco
from deeplab.datasets.layouts.cocostuff import list_cocostuff10k, list_cocostuff164k
from deeplab.datasets.layouts.folder import list_folder
from deeplab.datasets.layouts.voc import list_voc, list_vocaug
from deeplab.datasets.pairs import SplitListing
from deeplab.errors import ConfigError, DatasetError
from deeplab.files import printable
from deeplab.schema import Dataset


def list_split(settings: Dataset, split: str) -> SplitListing:
    """Find the files of a split, by the layout that DATASET.NAME says.

    Raises:
        ConfigError: if DATASET.ROOT is empty.
        DatasetError: if the data set's folder, the split or one of its folders is missing, or a list is malformed.
    """
    if settings.ROOT is None:
        raise ConfigError("DATASET.ROOT is empty; expected the folder of the data set.")
    root = Path(settings.ROOT)
    if not root.is_dir():
        raise DatasetError(f"{printable(root)}: the data set's folder does not exist.")
    if settings.NAME == "coco":
        return list_coco(root, split, settings.N_CLASSES, settings.CATEGORY_IDS)
    if settings.NAME == "cocostuff10k":
        return list_cocostuff10k(root, split, warp=settings.WARP)
    return _LAYOUTS[settings.NAME](root, split)


_LAYOUTS = {
    "folder": list_folder,
    "voc": list_voc,
    "vocaug": list_vocaug,
    "cocostuff164k": list_cocostuff164k,
}
