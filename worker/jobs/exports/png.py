"""Masks as PNG files: of indices, of colours, or one for each class."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from deeplab.images.palette import palette
from worker.jobs.exports.masks_of import Mask, Selection
from worker.jobs.exports.members import Member, as_png, coloured, copy_of, text


def index_masks(selection: Selection) -> Iterator[Member]:
    """Yield masks of class indices, with the palette of PASCAL VOC: a dataset's folder of masks, and its labels."""
    for mask in selection.masks():
        mask.require()
        if mask.path.suffix == ".png":
            yield copy_of(f"masks/{mask.name}.png", mask.path)
        else:
            yield Member(f"masks/{mask.name}.png", [_as_index_png(mask)])
    yield from _described(selection)


def colour_masks(selection: Selection) -> Iterator[Member]:
    """Yield masks whose colours are the classes, and the file that says which colour is which."""
    colours = palette()
    for mask in selection.masks():
        yield Member(f"masks/{mask.name}.png", [coloured(mask.read(), colours)])
    lines = (f"{index} {' '.join(map(str, colours[index]))}\n" for index in range(len(selection.names)))
    yield text("palette.txt", "".join(lines))
    yield from _described(selection)


def class_masks(selection: Selection) -> Iterator[Member]:
    """Yield a mask of 0 and 255 for each class that occurs in an image, in a folder of the class."""
    for mask in selection.masks():
        label_map = mask.read()
        for index in np.unique(label_map).tolist():
            content = as_png(Image.fromarray(np.where(label_map == index, np.uint8(255), np.uint8(0))))
            yield Member(f"{folder_of_class(index, selection.names)}/{mask.name}.png", [content])
    yield from _described(selection)


def folder_of_class(index: int, names: list[str]) -> str:
    """A folder's name for a class: its index and its name, without what no folder may be called."""
    return f"{index:03}-{''.join(each if each.isalnum() or each in ' .-_' else '-' for each in names[index]).strip()}"


def _as_index_png(mask: Mask) -> bytes:
    image = Image.fromarray(mask.read())
    image.putpalette(palette().tobytes())
    return as_png(image)


def _described(selection: Selection) -> Iterator[Member]:
    yield text("labels.txt", "".join(f"{index}\t{name}\n" for index, name in enumerate(selection.names)))
    if sentence := describe_shared(selection):
        yield text("README.txt", sentence + "\n")


def describe_shared(selection: Selection) -> str:
    """Say which masks keep the suffix of their image; empty if none does."""
    if not selection.shared:
        return ""
    first = min(selection.shared)
    return (
        f"Masks have the names of their images, a.png for a.jpg. Several images of job {selection.job.id} differ in"
        f" nothing but their suffixes, such as those named {first!r}; their masks keep them, as in '{first}.jpg.png'."
    )
