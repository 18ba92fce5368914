"""An export as it was read: its classes, its images, and what was labelled in each of them. Torch-free."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deeplab.datasets.layouts.coco_regions import MOST_PIXELS
from deeplab.errors import DatasetError
from deeplab.files import printable

IGNORED = 255  # a pixel that is said to count for no class
UNLABELLED = 254  # a pixel of which nothing is said
MOST_CLASSES = 254

_LONGEST_NAME = 200  # characters
_BACKGROUNDS = frozenset({"background", "unlabeled", "unlabelled", "void"})  # as tools call what nobody labelled


class Label(Protocol):
    """What was labelled in one image."""

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width that the export says the image has; None if it says neither."""

    def draw(self, height: int, width: int) -> NDArray[np.uint8]:
        """Draw the label map, (height, width): classes, IGNORED and UNLABELLED. Raises DeepLabError if it cannot."""
        ...


@dataclass(frozen=True)
class LabelledImage:
    """One image of an export."""

    name: str  # path without suffix, `/` between the parts; the image's and mask's in the dataset
    image: Path
    label: Label
    where: str  # the file that labels it, for sentences
    split: str | None = None  # the export's own


@dataclass(frozen=True)
class Export:
    """What an export holds."""

    class_names: Sequence[str]
    images: Sequence[LabelledImage]
    unlabelled_class: int | None = None  # the class that the tool gives to pixels that nobody labelled
    notes: Sequence[str] = field(default_factory=list)  # a sentence for each kind of thing that is left out


class ClassNames:
    """The classes of an export in the order in which they are first named."""

    def __init__(self) -> None:
        self._indices: dict[str, int] = {}

    def add(self, name: object, where: str) -> int:
        """Take up a class, unless it is known, and return its index.

        Raises:
            DatasetError: if it is no name, or there are too many; the sentence begins with `where`.
        """
        if not isinstance(name, str) or not name.strip():
            raise DatasetError(f"{where}: the name of a class is {name!r}; expected a text.")
        name = printable(" ".join(name.split()))[:_LONGEST_NAME]
        if name not in self._indices and len(self._indices) == MOST_CLASSES:
            raise DatasetError(f"{where}: {name!r} is one more than {MOST_CLASSES} classes, the limit.")
        return self._indices.setdefault(name, len(self._indices))

    @property
    def names(self) -> list[str]:
        """The names by index."""
        return list(self._indices)


def background_of(class_names: Sequence[str]) -> int | None:
    """The class whose name says that nobody labelled its pixels, if there is one."""
    return next((index for index, name in enumerate(class_names) if is_background(name)), None)


def is_background(name: str) -> bool:
    """Whether a class is called as tools call what nobody labelled: "background", "_background_", "Unlabeled" ..."""
    return name.strip("_ ").lower() in _BACKGROUNDS


def require_drawable(height: int, width: int, where: str) -> None:
    """Refuse a size that no honest image has. Raises DatasetError."""
    if height * width > MOST_PIXELS or height < 1 or width < 1:
        raise DatasetError(f"{where}: is said to have {width}x{height} pixels; expected 1 to {MOST_PIXELS:,}.")
