"""Write what an export holds as a dataset of the layout `folder`. Torch-free."""

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deeplab.bounded_map import bounded_map
from deeplab.datasets.class_names import save_class_names
from deeplab.datasets.importing.export import (
    IGNORED,
    UNLABELLED,
    Export,
    LabelledImage,
    background_of,
    require_drawable,
)
from deeplab.datasets.importing.splitting import assign_splits
from deeplab.errors import DatasetError, DeepLabError, OutputError
from deeplab.files import flush_to_disk, make_folder, name_is_too_long, printable, replace_file, write_text
from deeplab.formats import list_briefly, plural
from deeplab.images.files import image_size, upright_size
from deeplab.images.masks import write_mask
from deeplab.memory import available_memory
from deeplab.reporter import Reporter, Stopped

_MOST_THREADS = 8
_BYTES_PER_PIXEL = 16  # while a label map is drawn
_BACKGROUND = "background"


@dataclass(frozen=True)
class Classes:
    """The classes of a dataset, and what becomes of a label map as an export draws it."""

    names: list[str]
    values: NDArray[np.uint8]  # (256,): by value of the label map, that of the mask

    def apply(self, label_map: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn a label map into a mask, (H, W)."""
        return self.values[label_map]


@dataclass(frozen=True)
class Written:
    """What was written."""

    class_names: list[str]
    splits: dict[str, int]  # number of images
    n_empty: int  # images of which nothing is labelled
    notes: list[str]


@dataclass(frozen=True)
class _Counts:
    pixels: NDArray[np.int64]  # (256,): by value of the mask
    is_empty: bool  # nothing was labelled


def choose_classes(export: Export, *, ignores_unlabelled: bool) -> Classes:
    """Decide what pixels become that nobody labelled.

    Args:
        export: its classes keep their order.
        ignores_unlabelled: they are to be ignored, and a class that the tool gives them is none; otherwise they are of
            a class that is called background or, if there is none, of a new class 0.
    """
    names, values = list(export.class_names), np.arange(256)
    if ignores_unlabelled:
        values[UNLABELLED] = IGNORED
        if (dropped := export.unlabelled_class) is not None:
            del names[dropped]
            values[dropped + 1 : UNLABELLED] -= 1
            values[dropped] = IGNORED
    elif (background := background_of(names)) is not None:
        values[UNLABELLED] = background
    else:
        names.insert(0, _BACKGROUND)
        values[:UNLABELLED] += 1
        values[UNLABELLED] = 0
    return Classes(names, values.astype(np.uint8))


def write_dataset(
    export: Export,
    folder: Path,
    reporter: Reporter,
    *,
    ignores_unlabelled: bool = False,
    val_share: float | None = None,
    seed: int = 0,
    movable: Path | None = None,
) -> Written:
    """Write images/, masks/, labels.txt and the lists of the splits.

    Args:
        export: what to write.
        folder: where; made if missing.
        reporter: hears of each image.
        ignores_unlabelled: as for `choose_classes`; images without a label are then left out.
        val_share: as for `assign_splits`.
        seed: likewise.
        movable: images below this folder are moved instead of copied.

    Raises:
        DeepLabError: if an image or what labels it is wrong, or something cannot be written.
        Stopped: when asked to stop.
    """
    classes = choose_classes(export, ignores_unlabelled=ignores_unlabelled)
    if not classes.names:
        raise DatasetError("The export has no class.")
    pixels, empty = np.zeros(256, np.int64), set[str]()

    def write(image: LabelledImage) -> _Counts:
        return _write_image(image, folder, classes, movable, skips_empty=ignores_unlabelled)

    budget, depth = available_memory() // 4, min(os.cpu_count() or 1, _MOST_THREADS)
    with ThreadPoolExecutor(depth) as pool:
        written = bounded_map(pool, write, export.images, 2 * depth, weigh=_weigh, budget=budget)
        for done, (image, counts) in enumerate(zip(export.images, written, strict=True), start=1):
            pixels += counts.pixels
            if counts.is_empty:
                empty.add(image.name)
            reporter.progress(done, len(export.images), "image")
            if reporter.should_stop():
                raise Stopped
    kept = [image for image in export.images if not (ignores_unlabelled and image.name in empty)]
    if not kept:
        raise DatasetError("No image of the export is labelled.")
    splits = assign_splits(kept, val_share, seed)
    _write_lists(folder, classes, splits)
    notes = [*_notes(classes, pixels, len(empty), left_out=ignores_unlabelled), *export.notes]
    return Written(classes.names, {name: len(images) for name, images in splits.items()}, len(empty), notes)


def _write_image(
    image: LabelledImage, folder: Path, classes: Classes, movable: Path | None, *, skips_empty: bool
) -> _Counts:
    label_map = image.label.draw(*_size_of(image))
    mask = classes.apply(label_map)
    is_empty = bool((label_map == UNLABELLED).all() or (skips_empty and (mask == IGNORED).all()))
    if not (is_empty and skips_empty):
        try:
            write_mask(folder / "masks" / f"{image.name}.png", mask)
            _place(image.image, folder / "images" / _file_name(image), movable)
        except OutputError as error:
            if name_is_too_long(error):
                raise DatasetError(f"{printable(image.image)}: its name is too long for a file.") from error
            raise
    return _Counts(np.bincount(mask.ravel(), minlength=256), is_empty)


def _size_of(image: LabelledImage) -> tuple[int, int]:
    """The height and width to draw, which must be those of the image as it is stored or as people see it."""
    upright, said = upright_size(image.image), image.label.size
    if said is not None and said not in (upright, image_size(image.image)):
        raise DatasetError(
            f"{image.where}: is for {said[1]}x{said[0]} pixels, but {printable(image.image)} has"
            f" {upright[1]}x{upright[0]}."
        )
    height, width = upright if said is None else said
    require_drawable(height, width, image.where)
    return height, width


def _weigh(image: LabelledImage) -> int:
    try:
        height, width = image.label.size or upright_size(image.image)
    except DeepLabError:  # whoever draws it says what is wrong
        return 0
    return height * width * _BYTES_PER_PIXEL


def _place(source: Path, path: Path, movable: Path | None) -> None:
    make_folder(path.parent)
    if movable is not None and source.is_relative_to(movable):
        source.replace(path)
        flush_to_disk(path)
        return
    with source.open("rb") as content, replace_file(path) as file:
        shutil.copyfileobj(content, file)


def _file_name(image: LabelledImage) -> str:
    return f"{image.name}{image.image.suffix.lower()}"


def _write_lists(folder: Path, classes: Classes, splits: dict[str, list[LabelledImage]]) -> None:
    save_class_names(folder / "labels.txt", classes.names)
    for name, images in splits.items():
        # With its suffix: a name that itself ends like an image's would lose that end.
        write_text(folder / f"{name}.txt", "".join(f"{_file_name(image)}\n" for image in images))


def _notes(classes: Classes, pixels: NDArray[np.int64], n_empty: int, *, left_out: bool) -> Sequence[str]:
    notes = []
    if n_empty:
        fate = "left out" if left_out else "taken as background"
        notes.append(f"{plural(n_empty, 'image')} in which nothing is labelled {fate}.")
    absent = [name for name, count in zip(classes.names, pixels, strict=False) if not count]
    if absent:
        notes.append(f"Classes that no pixel has: {list_briefly(absent)}.")
    return notes
