"""Where the images of a split and their ground truth are. Torch-free."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.images.files import read_mask

_NAMED = 10  # so many missing files does an error spell out


class GroundTruth(Protocol):
    """The ground truth of one image, not yet read."""

    @property
    def path(self) -> Path:
        """The file that it is in."""
        ...

    def read(self) -> NDArray[np.uint8]:
        """The label map, (H, W) class indices. Raises ImageError or DatasetError if there is none to read."""
        ...


@dataclass(frozen=True)
class MaskFile:
    """An index image."""

    path: Path

    def read(self) -> NDArray[np.uint8]:
        """Decode it; see `read_mask`."""
        return read_mask(self.path)


@dataclass(frozen=True)
class Pair:
    """An image and its ground truth, not yet read."""

    id: str  # such as "a" or "city/a"
    image: Path
    ground_truth: GroundTruth


@dataclass(frozen=True)
class SplitListing:
    """What a split consists of."""

    split: str
    n_ids: int  # how many images the split has, present or not
    pairs: list[Pair]  # those of which both files are there, in the split's order
    missing: dict[Path, list[str]]  # by folder: what it lacks
    warp_side: int | None = None  # samples are warped to squares of this side, pixels; None: they are not

    def require_complete(self) -> list[Pair]:
        """All pairs.

        Raises:
            DatasetError: if files are missing; all are counted, and the first ten of each folder are named.
        """
        if self.missing:
            raise DatasetError("; ".join(self._lacks(*each) for each in self.missing.items()) + ".")
        return self.pairs

    def _lacks(self, folder: Path, names: list[str]) -> str:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return (
            f"{printable(folder)}: {len(names)} of {self.n_ids} files of the split {self.split!r} are missing:"
            f" {', '.join(names[:_NAMED])}{more}"
        )


def list_files(split: str, pairs: Iterable[Pair]) -> SplitListing:
    """Sort out which pairs of a split have both files.

    Each folder is listed once, which on a network file system is far quicker than asking for every file.

    Raises:
        DatasetError: if a folder does not exist.
    """
    names_in = cache(_names_in)
    present: list[Pair] = []
    missing: dict[Path, list[str]] = {}
    n_ids = 0
    for pair in pairs:
        n_ids += 1
        if pair.id.startswith("/") or ".." in pair.id.split("/"):  # the id also names results
            raise DatasetError(f"{pair.id!r} of the split {split!r} leads out of the data set; expected a name in it.")
        lacking = [path for path in (pair.image, pair.ground_truth.path) if path.name not in names_in(path.parent)]
        for path in lacking:
            missing.setdefault(path.parent, []).append(path.name)
        if not lacking:
            present.append(pair)
    return SplitListing(split, n_ids, present, missing)


def _names_in(folder: Path) -> frozenset[str]:
    try:
        return frozenset(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        raise DatasetError(f"{printable(folder)}: the folder does not exist.") from None
    except OSError as error:
        raise DatasetError(f"{printable(folder)}: the folder cannot be listed: {error.strerror}.") from error
