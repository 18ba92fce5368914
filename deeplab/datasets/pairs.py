"""The files of a split: images with their ground truth. Torch-free."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from deeplab import remote
from deeplab.datasets.nearby import Neighbours, spelling
from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.formats import list_briefly
from deeplab.images.masks import read_mask


class GroundTruth(Protocol):
    """The ground truth of one image, not yet read: a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def path(self) -> Path:
        """The file that holds it."""
        ...

    @property
    def drawn_size(self) -> tuple[int, int] | None:
        """Height and width that it is drawn at; None if it has pixels of its own."""
        ...

    def read(self) -> NDArray[np.uint8]:
        """Read the label map, (H, W) class indices. Raises ImageError or DatasetError if that fails."""
        ...


@dataclass(frozen=True)
class MaskFile:
    """A mask, which is an image file of class indices."""

    path: Path
    drawn_size: ClassVar[None] = None

    def read(self) -> NDArray[np.uint8]:
        """Decode the file as `read_mask` does."""
        return read_mask(self.path)


@dataclass(frozen=True)
class Pair:
    """An image and its ground truth, not yet read."""

    id: str  # such as "a" or "city/a"
    image: Path
    ground_truth: GroundTruth


@dataclass(frozen=True)
class SplitListing:
    """The files of a split."""

    split: str
    n_ids: int  # images in the split, present or not
    pairs: list[Pair]  # those whose files are both there, in the split's order
    missing: dict[Path, list[str]]  # names by folder
    passed_over: dict[Path, dict[str, int]] = field(default_factory=dict)  # files of other kinds, by folder and kind
    unlabelled: list[Pair] = field(default_factory=list)  # those of which only the image is there, likewise
    problem: str = ""  # a sentence about a folder of masks that is not there
    warp_side: int | None = None  # pixels: samples are warped to squares of this side; None: they stay as they are

    def require_complete(self) -> list[Pair]:
        """Return all pairs.

        Raises:
            DatasetError: if files are missing; the first ten of each folder are named.
        """
        if self.problem:
            raise DatasetError(self.problem)
        self._refuse(self.missing)
        return self.pairs

    @property
    def has_ground_truth(self) -> bool:
        """Whether any image has its mask."""
        return bool(self.pairs)

    def require_images(self) -> list[Pair]:
        """Return what has an image, of a split without ground truth.

        Raises:
            DatasetError: if an image is missing.
        """
        masks = {pair.ground_truth.path.parent for pair in self.unlabelled}
        self._refuse({folder: names for folder, names in self.missing.items() if folder not in masks})
        return self.unlabelled

    def _refuse(self, missing: dict[Path, list[str]]) -> None:
        if missing:
            raise DatasetError("; ".join(self.describe_missing(*each) for each in missing.items()) + ".")

    def describe_missing(self, folder: Path, names: list[str], limit: int = 10) -> str:
        """Name the first of the files that are missing in a folder, as a sentence without its full stop."""
        return (
            f"{printable(folder)}: {len(names)} of {self.n_ids} files of the split {self.split!r} are missing:"
            f" {list_briefly(names, limit=limit)}"
        )


def list_files(split: str, pairs: Iterable[Pair]) -> SplitListing:
    """Find out which pairs of a split have both files.

    Each folder is listed once, which on a network file system is far faster than asking for every file.

    Raises:
        DatasetError: if the images' folder does not exist, or an id leads out of the dataset.
    """
    names_in = cache(_names_in)
    neighbours_in = cache(lambda folder: Neighbours(names_in(folder).values()))
    present: list[Pair] = []
    unlabelled: list[Pair] = []
    problem = ""
    missing: dict[Path, list[str]] = {}
    n_ids = 0
    for pair in pairs:
        n_ids += 1
        if pair.id.startswith("/") or ".." in pair.id.split("/"):  # the id also names results
            raise DatasetError(f"{pair.id!r} of the split {split!r} leads out of the dataset.")
        image, truth = _on_disk(pair.image, names_in), None
        try:
            truth = _on_disk(pair.ground_truth.path, names_in)
        except DatasetError as error:
            problem = str(error)
            missing.setdefault(pair.ground_truth.path.parent, []).append(pair.ground_truth.path.name)
        for path, there in ((pair.image, image), (pair.ground_truth.path, truth)):
            if there is None and not (problem and path != pair.image):
                neighbours = neighbours_in(path.parent)
                described = neighbours.describe(path.name, stem=path.stem, is_mask=path != pair.image)
                missing.setdefault(path.parent, []).append(described)
        if image and truth:
            present.append(replace(pair, image=image, ground_truth=replace(pair.ground_truth, path=truth)))
        elif image:
            unlabelled.append(replace(pair, image=image))
    return SplitListing(split, n_ids, present, missing, unlabelled=unlabelled, problem=problem)


def _on_disk(path: Path, names_in: Callable[[Path], Mapping[str, str]]) -> Path | None:
    """The file of a path, which may be spelt in another way on disk; None if there is none."""
    name = names_in(path.parent).get(spelling(path.name))
    return None if name is None else path.with_name(name)


def _names_in(folder: Path) -> Mapping[str, str]:
    """List a folder: its names by their `spelling`."""
    try:
        return {spelling(each.name): each.name for each in remote.scan(folder)}
    except (FileNotFoundError, NotADirectoryError):
        raise DatasetError(f"{printable(folder)}: the folder does not exist.") from None
    except OSError as error:
        raise DatasetError(f"{printable(folder)}: the folder cannot be listed: {error.strerror}.") from error
