"""An image blended with the colours of its classes. Torch-free."""

import numpy as np
from numpy.typing import NDArray

from deeplab.images.palette import palette


def draw_overlay(image: NDArray[np.uint8], label_map: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Blend an image with the colours of its classes, half and half.

    Args:
        image: (H, W, 3) RGB.
        label_map: (H, W).

    Returns:
        (H, W, 3) RGB.
    """
    blend = image // 2  # an opacity of one half, in whole numbers
    blend += (palette() // 2)[label_map]
    return blend
