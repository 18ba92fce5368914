"""Segment one image as the original's demo does: resized so that its longer side is IMAGE.SIZE.TEST."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deeplab.images.resize import resize_longer_side
from deeplab.inference.segmenter import ModelInput, Segmenter


class SegmentedImage(NamedTuple):
    """A resized image and its label map."""

    image: NDArray[np.uint8]  # (h, w, 3) RGB
    label_map: NDArray[np.uint8]  # (h, w)


def segment_image(segmenter: Segmenter, image: NDArray[np.uint8]) -> SegmentedImage:
    """Resize an image, (H, W, 3) uint8 RGB, enlarging small ones too, and segment it at that size."""
    resized = resize_longer_side(image, segmenter.config.IMAGE.SIZE.TEST)
    height, width = resized.shape[:2]
    (label_map,) = segmenter.predict_prepared([ModelInput(resized, height, width)])
    return SegmentedImage(resized, label_map)
