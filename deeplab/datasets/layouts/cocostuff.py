"""The layouts of COCO-Stuff 10k and 164k. Torch-free."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from deeplab import remote
from deeplab.confinement import require_readable
from deeplab.datasets.layouts.lists import read_ids
from deeplab.datasets.pairs import MaskFile, Pair, SplitListing, list_files
from deeplab.errors import DatasetError, StorageError
from deeplab.files import printable
from deeplab.formats import words_of
from deeplab.images.kinds import count_kinds
from deeplab.unpacking import require_at_most

WARP_SIDE = 513  # pixels, as in the original
_HEAD_BYTES = 128  # of a MATLAB file
_PACKED = 15  # the kind of a variable that is packed
_MOST_BYTES = 2**29  # of a variable: a label map of 64 million numbers of 8 bytes


def list_cocostuff10k(root: Path, split: str, *, warp: bool) -> SplitListing:
    """List COCO-Stuff 10k: the ids of ROOT/imageLists/<split>.txt, with their images and MATLAB files.

    Args:
        root: the folder that holds images/, annotations/ and imageLists/.
        split: "train", "test" or "all".
        warp: whether to warp samples to squares of 513 pixels, as the original does.

    Raises:
        DatasetError: if a folder or the list is missing, or the list is empty.
    """
    ids = read_ids(root / "imageLists" / f"{split}.txt", root / "images")
    images, annotations = root / "images", root / "annotations"
    pairs = (Pair(each, images / f"{each}.jpg", MatFile(annotations / f"{each}.mat")) for each in ids)
    return replace(list_files(split, pairs), warp_side=WARP_SIDE if warp else None)


def list_cocostuff164k(root: Path, split: str) -> SplitListing:
    """List COCO-Stuff 164k: every JPEG of ROOT/images/<split> with its mask in ROOT/annotations/<split>.

    Args:
        root: the folder that holds images/ and annotations/.
        split: "train2017" or "val2017".

    Raises:
        DatasetError: if a folder is missing or holds no image.
    """
    images, masks = root / "images" / split, root / "annotations" / split
    if not remote.is_folder(images):
        raise DatasetError(f"{printable(images)}: the folder does not exist.")
    names = [each.name for each in remote.scan(images) if not each.name.startswith(".")]
    ids = sorted(name.removesuffix(".jpg") for name in names if name.endswith(".jpg"))
    if not ids:
        raise DatasetError(f"{printable(images)}: the folder holds no image; expected files ending in .jpg.")
    pairs = (Pair(each, images / f"{each}.jpg", MaskFile(masks / f"{each}.png")) for each in ids)
    others = count_kinds(name for name in names if not name.endswith(".jpg"))
    return replace(list_files(split, pairs), passed_over={images: others})


@dataclass(frozen=True)
class MatFile:
    """A MATLAB file whose variable S is a label map: 0 is unlabelled, 1 the first class."""

    path: Path
    drawn_size: ClassVar[None] = None

    def read(self) -> NDArray[np.uint8]:
        """Read the label map: (H, W), 0 is the first class, 255 unlabelled.

        Raises:
            DatasetError: if the file cannot be read, or S is missing or not a label map.
        """
        numbers = self._load()
        if numbers.ndim != 2 or numbers.dtype.kind not in "buif":
            raise DatasetError(
                f"{printable(self.path)}: S is an array of shape {numbers.shape} and type {numbers.dtype};"
                " expected a matrix of class numbers."
            )
        with np.errstate(invalid="ignore"):
            label_map = numbers.astype(np.uint8)
        if not np.array_equal(label_map, numbers):
            raise DatasetError(
                f"{printable(self.path)}: S holds numbers from {numbers.min()} to {numbers.max()}; expected whole"
                " numbers from 0 (unlabelled) to 255."
            )
        return label_map - np.uint8(1)  # unsigned arithmetic wraps around: 0 becomes 255

    def _load(self) -> NDArray[np.number]:
        from scipy.io import loadmat, whosmat  # takes a moment, and only this layout needs it

        try:
            require_readable(self.path)
            _require_bearable(remote.fetch(self.path))
            variables = loadmat(self.path, variable_names=["S"], appendmat=False)
            if "S" not in variables:
                names = ", ".join(name for name, _, _ in whosmat(self.path, appendmat=False)) or "nothing"
                raise DatasetError(f"{printable(self.path)}: has no variable S, the label map; it holds {names}.")
        except (DatasetError, StorageError):
            raise
        except NotImplementedError:
            raise DatasetError(f"{printable(self.path)}: is a MATLAB 7.3 file; expected one saved with -v7.") from None
        except Exception as error:  # on a damaged file scipy raises nearly anything
            raise DatasetError(
                f"{printable(self.path)}: cannot be read as a MATLAB file: {words_of(error)}."
            ) from error
        return np.asarray(variables["S"])


def _require_bearable(path: Path) -> None:
    """Refuse a file that would fill the memory: of its variables, each is packed by itself. Raises ValueError."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        order: Literal["little", "big"] = "big" if head[-2:] == b"MI" else "little"
        while len(tag := file.read(8)) == 8:
            kind, n_bytes = int.from_bytes(tag[:4], order), int.from_bytes(tag[4:], order)
            if kind != _PACKED:
                file.seek(n_bytes, os.SEEK_CUR)
            else:
                require_at_most(file.read(min(n_bytes, _MOST_BYTES)), "deflate", _MOST_BYTES)
