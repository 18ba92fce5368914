"""Label maps in files that are read part by part. Torch-free."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deeplab.errors import ImageError
from deeplab.images.bands import AS_TAGGED
from deeplab.images.decoding import require_file
from deeplab.images.masks import read_mask
from deeplab.images.pillow import with_pillow
from deeplab.images.tiff import TiffImage, is_tiff


class LabelSource(Protocol):
    """A label map, in memory or in a file that need not be decoded as a whole."""

    @property
    def height(self) -> int:
        """Rows of pixels."""
        ...

    @property
    def width(self) -> int:
        """Columns of pixels."""
        ...

    def read(self, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        """Read a part, (height, width). Raises ImageError if it cannot be decoded."""
        ...


@dataclass(frozen=True)
class LoadedLabels:
    """A label map in memory."""

    indices: NDArray[np.uint8]  # (H, W)

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return len(self.indices)

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.indices.shape[1])

    def read(self, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        """Take a part; it shares the memory."""
        return self.indices[top : top + height, left : left + width]


class _TiffLabels:
    """A label map in a TIFF, such as the mask of a GeoTIFF."""

    def __init__(self, tiff: TiffImage) -> None:
        self.height, self.width = tiff.height, tiff.width
        self.read = tiff.read_indices


def open_label_map(path: Path) -> LabelSource:
    """Open a mask to read it part by part: most TIFFs tile by tile, any other file by decoding it now.

    Raises:
        ImageError: as `read_mask`.
    """
    with with_pillow(path):
        tiff = _open_tiff(path) if is_tiff(require_file(path)) else None
    return LoadedLabels(read_mask(path)) if tiff is None else tiff


def _open_tiff(path: Path) -> LabelSource | None:
    try:
        tiff = TiffImage(path, AS_TAGGED)
    except ImageError:  # whoever decodes it says what is wrong, if anything is
        return None
    return _TiffLabels(tiff) if tiff.holds_indices else None
