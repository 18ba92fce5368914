"""A dataset out of a folder of images and a folder of masks, wherever these lie: linked, not copied. Torch-free."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from deeplab.datasets.class_names import default_class_names, save_class_names
from deeplab.datasets.layouts.folder import FileIndex
from deeplab.datasets.nearby import spelling
from deeplab.errors import DatasetError, ImageError
from deeplab.files import printable, write_text
from deeplab.formats import list_briefly
from deeplab.images.kinds import MASK_SUFFIXES
from deeplab.images.listing import scan_folder
from deeplab.images.masks import has_colours, read_mask

_MOST_FILES = 250_000  # in a folder
_N_MASKS = 200  # that are read to find the classes
_SECONDS = 8.0
_IGNORED = 255


@dataclass(frozen=True)
class Matched:
    """Images that have a mask of the same name, below two folders."""

    images: Path
    masks: Path
    ids: Sequence[str]  # paths of the images below their folder, without suffixes
    without_mask: Sequence[str]  # images, likewise
    n_classes: int  # as far as the masks that were read tell


def match_folders(images: Path, masks: Path) -> Matched:
    """Find out which images have masks, and how many classes these have.

    Args:
        images: a folder of images, at any depth.
        masks: a folder of masks, which have the names of the images and perhaps other suffixes.

    Raises:
        DatasetError: if a folder cannot be listed, no image has a mask, or the masks hold colours in place of numbers.
    """
    listed = scan_folder(images, most=_MOST_FILES)
    index = FileIndex(masks, scan_folder(masks, most=_MOST_FILES).paths, MASK_SUFFIXES)
    ids = [str(PurePosixPath(path).with_suffix("")) for path in listed.paths]
    found = {name: files[0][1] for name in ids if (files := index.candidates(spelling(name)))}
    if not found:
        raise DatasetError(
            f"None of the {len(ids):,} images in {printable(images)} has a mask of the same name in {printable(masks)},"
            f" such as {printable(PurePosixPath(ids[0]).name)}.png."
        )
    named = [name for name in ids if name in found]
    return Matched(
        images,
        masks,
        named,
        [name for name in ids if name not in found],
        _count_classes([found[name] for name in named]),
    )


def write_two_folders(folder: Path, matched: Matched, *, val_share: float = 0.2, seed: int = 0) -> None:
    """Make a folder that links both, with the lists of two splits and made-up names of the classes.

    Args:
        folder: is made.
        matched: what it is of.
        val_share: share of the images for validation, drawn by chance; at least one image of each split.
        seed: of the draw.

    Raises:
        DatasetError: if there are fewer than two images.
        OSError: if the folder exists, or cannot be made.
    """
    if len(matched.ids) < 2:
        raise DatasetError(f"Only {printable(matched.ids[0])} has a mask; a training needs two images or more.")
    shuffled = list(matched.ids)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 -- a draw, not a secret
    n_val = min(max(1, round(val_share * len(shuffled))), len(shuffled) - 1)
    folder.mkdir(parents=True)
    (folder / "images").symlink_to(matched.images, target_is_directory=True)
    (folder / "masks").symlink_to(matched.masks, target_is_directory=True)
    save_class_names(folder / "labels.txt", default_class_names(matched.n_classes))
    for split, ids in (("train", sorted(shuffled[n_val:])), ("val", sorted(shuffled[:n_val]))):
        write_text(folder / f"{split}.txt", "".join(f"{each}\n" for each in ids))


def _count_classes(masks: Sequence[Path]) -> int:
    deadline, largest = time.monotonic() + _SECONDS, 1
    coloured = []
    for path in masks[:: max(1, -(-len(masks) // _N_MASKS))]:
        try:
            if has_colours(path):
                coloured.append(printable(path))
                break
            values = np.unique(read_mask(path))
        except ImageError:  # the look at samples says so
            continue
        largest = max([largest, *(int(value) for value in values if value != _IGNORED)])
        if time.monotonic() > deadline:
            break
    if coloured:
        raise DatasetError(
            f"{list_briefly(coloured)}: the pixels of the mask are colours; expected the number of a class in each."
            " Masks in colours are imported with a table that says which colour is which class."
        )
    return largest + 1
