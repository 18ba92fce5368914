"""Images and label maps that are read part by part. Torch-free."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Raster(Protocol):
    """An image or a label map, in memory or in a file that need not be decoded as a whole."""

    @property
    def height(self) -> int:
        """Rows of pixels."""
        ...

    @property
    def width(self) -> int:
        """Columns of pixels."""
        ...

    def read(self, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        """Read a part: (height, width, 3) uint8 RGB of an image, (height, width) uint8 of a label map.

        Raises:
            ImageError: if it cannot be decoded.
        """
        ...


@dataclass(frozen=True)
class LoadedRaster:
    """An image or a label map in memory."""

    pixels: NDArray[np.uint8] | NDArray[np.float32]  # (H, W, 3) RGB in 0..255, or (H, W) class indices

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return len(self.pixels)

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.pixels.shape[1])

    def read(self, top: int, left: int, height: int, width: int) -> NDArray[Any]:
        """Take a part; it shares the memory."""
        return self.pixels[top : top + height, left : left + width]


def read_all(image: Raster) -> NDArray[np.uint8]:
    """Read a whole image, (H, W, 3) uint8 RGB. Raises ImageError if it cannot be decoded."""
    return image.read(0, 0, image.height, image.width)
