"""Labels that are image files: masks of indices and masks of colours. Torch-free."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deeplab.datasets.colour_table import ColourTable
from deeplab.datasets.importing.export import IGNORED
from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.images.files import image_size
from deeplab.images.masks import read_mask, read_mask_colours


@dataclass(frozen=True)
class IndexMask:
    """A mask whose values stand for classes."""

    path: Path
    classes: Mapping[int, int]  # class by value

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the file."""
        return image_size(self.path)

    def draw(self, height: int, width: int) -> NDArray[np.uint8]:
        """Read the label map. Raises ImageError or DatasetError if that fails, or a value stands for no class."""
        values = read_mask(self.path)
        table = np.zeros(256, np.int16) - 1
        table[[*self.classes, IGNORED]] = [*self.classes.values(), self.classes.get(IGNORED, IGNORED)]
        label_map = table[values]
        if (label_map < 0).any():
            value = int(values[label_map < 0][0])
            raise DatasetError(f"{printable(self.path)}: holds the value {value}, which stands for no class.")
        return label_map.astype(np.uint8)


@dataclass(frozen=True)
class ColourMask:
    """A mask whose colours are the classes."""

    path: Path
    table: ColourTable

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the file."""
        return image_size(self.path)

    def draw(self, height: int, width: int) -> NDArray[np.uint8]:
        """Look the colours up. Raises ImageError or DatasetError if that fails."""
        return self.table.label_map(read_mask_colours(self.path), printable(self.path))
