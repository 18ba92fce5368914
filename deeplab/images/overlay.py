"""An image blended with the colours of its classes. Torch-free."""

import math

import numpy as np
from numpy.typing import NDArray

from deeplab.images.palette import Colours
from deeplab.images.raster import Raster

_ROWS = 512  # that are read at a time


def draw_overlay(image: NDArray[np.uint8], label_map: NDArray[np.uint8], colours: Colours) -> NDArray[np.uint8]:
    """Blend an image with the colours of its classes, half and half.

    Args:
        image: (H, W, 3) RGB.
        label_map: (H, W).
        colours: of the classes.

    Returns:
        (H, W, 3) RGB.
    """
    blend = image // 2  # an opacity of one half, in whole numbers
    blend += (colours // 2)[label_map]
    return blend


def draw_small_overlay(
    image: Raster, label_map: NDArray[np.uint8], colours: Colours, longest: int
) -> NDArray[np.uint8]:
    """Blend as `draw_overlay`, at a size of at most `longest` pixels a side: of every few pixels one is taken.

    Raises:
        ImageError: if a part of the image cannot be decoded.
    """
    step = math.ceil(max(label_map.shape) / longest)
    rows = step * max(1, _ROWS // step)
    strips = [
        draw_overlay(
            image.read(top, 0, min(rows, image.height - top), image.width)[::step, ::step],
            label_map[top : top + rows : step, ::step],
            colours,
        )
        for top in range(0, image.height, rows)
    ]
    return np.concatenate(strips)
