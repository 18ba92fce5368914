"""Tell whether a split, or a dataset, is still the same, without reading its files. Torch-free."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from deeplab import remote
from deeplab.datasets.pairs import Pair, SplitListing
from deeplab.datasets.split import SplitDataset
from deeplab.errors import DatasetError
from deeplab.files import printable

_LENGTH = 16  # characters of the version, which are 64 bits


@dataclass(frozen=True)
class SplitVersion:
    """A split as it was when it was looked at."""

    n_images: int  # that it lists
    version: str  # as `split_version`


@dataclass(frozen=True)
class DatasetVersion:
    """A dataset as it was when it was looked at."""

    digest: str  # 16 hexadecimal digits, of everything below
    class_names: list[str]
    splits: dict[str, SplitVersion]


def dataset_version(class_names: Sequence[str], listings: Iterable[SplitListing]) -> DatasetVersion:
    """Hash the classes of a dataset and its splits, each as `split_version` does.

    Of a split whose files are not all there, those that are there count, and the names of the others.

    Raises:
        DatasetError: if a file is gone since its split was listed.
    """
    splits = {listing.split: SplitVersion(listing.n_ids, _version_of(listing)) for listing in listings}
    content = [list(class_names), sorted((name, each.n_images, each.version) for name, each in splits.items())]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:_LENGTH]
    return DatasetVersion(digest, list(class_names), splits)


def _version_of(listing: SplitListing) -> str:
    labelled, unlabelled = _hash(listing.pairs, labelled=True), _hash(listing.unlabelled, labelled=False)
    if not listing.missing and not listing.problem:
        return labelled
    if len(listing.unlabelled) == listing.n_ids:
        return unlabelled
    missing = sorted(name for names in listing.missing.values() for name in names)
    return hashlib.sha256(json.dumps([labelled, unlabelled, missing]).encode()).hexdigest()[:_LENGTH]


def split_version(dataset: SplitDataset) -> str:
    """Hash the ids of a split, the sizes of its files in bytes, and what turns these into classes.

    A split that lost, gained or renamed images has another version, and so has one whose masks were drawn again, unless
    each file kept its size. Where the files lie does not matter. Of masks in colours the colour table counts, too, and
    of those in one JSON file the objects of each image.

    Returns:
        16 hexadecimal digits.

    Raises:
        DatasetError: if a file is gone.
    """
    return _hash(dataset.pairs, labelled=dataset.labelled)


def _hash(pairs: Sequence[Pair], *, labelled: bool) -> str:
    size_of = cache(_size_of)
    digest = hashlib.sha256()
    for pair in pairs:
        mask = size_of(pair.ground_truth.path) if labelled else None
        kind = repr(replace(pair.ground_truth, path=Path())) if labelled else None
        digest.update(json.dumps([pair.id, size_of(pair.image), mask, kind]).encode())
    return digest.hexdigest()[:_LENGTH]


def _size_of(path: Path) -> int:
    try:
        return remote.status_by_listing(path)[0]
    except OSError as error:
        raise DatasetError(f"{printable(path)}: cannot be looked at: {error.strerror}.") from error
