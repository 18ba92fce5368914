"""Segment one image as the original's demo does: resized so that its longer side is IMAGE.SIZE.TEST, or by windows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deeplab.images.resize import resize_longer_side
from deeplab.inference.segmenter import Segmenter


class SegmentedImage(NamedTuple):
    """An image at the size at which it was segmented, and its label map."""

    image: NDArray[np.uint8]  # (h, w, 3) RGB
    label_map: NDArray[np.uint8]  # (h, w)


def segment_image(segmenter: Segmenter, image: NDArray[np.uint8]) -> SegmentedImage:
    """Resize an image, (H, W, 3) uint8 RGB, enlarging small ones too, and segment it at that size.

    With INFERENCE.MODE `slide` it keeps its size.

    Raises:
        LabelError: if it cannot be labelled.
    """
    if segmenter.config.INFERENCE.MODE == "whole":
        image = resize_longer_side(image, segmenter.config.IMAGE.SIZE.TEST)
    (label_map,) = segmenter.predict([image])
    return SegmentedImage(image, label_map)
