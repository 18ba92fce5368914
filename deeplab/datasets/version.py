"""Tell whether a split is still the same, without reading its files. Torch-free."""

import hashlib
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

from deeplab import remote
from deeplab.datasets.split import SplitDataset
from deeplab.errors import DatasetError
from deeplab.files import printable

_LENGTH = 16  # characters of the version, which are 64 bits


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
    size_of = cache(_size_of)
    digest = hashlib.sha256()
    for pair in dataset.pairs:
        mask = size_of(pair.ground_truth.path) if dataset.labelled else None
        kind = repr(replace(pair.ground_truth, path=Path())) if dataset.labelled else None
        digest.update(json.dumps([pair.id, size_of(pair.image), mask, kind]).encode())
    return digest.hexdigest()[:_LENGTH]


def _size_of(path: Path) -> int:
    try:
        return remote.status_by_listing(path)[0]
    except OSError as error:
        raise DatasetError(f"{printable(path)}: cannot be looked at: {error.strerror}.") from error
