"""One image as the original's demo labels it: resized so that its longer side is IMAGE.SIZE.TEST."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deeplab.images.resample import resize_longer_side
from deeplab.inference.segmenter import ModelInput, Segmenter


class SegmentedImage(NamedTuple):
    """A resized image and its labels."""

    image: NDArray[np.uint8]  # (h, w, 3) RGB
    label_map: NDArray[np.uint8]  # (h, w)


def segment_image(segmenter: Segmenter, image: NDArray[np.uint8]) -> SegmentedImage:
    """Enlarge or shrink an image, (H, W, 3) uint8 RGB, to the size of the network's test images, and label it."""
    resized = resize_longer_side(image, segmenter.config.IMAGE.SIZE.TEST)
    height, width = resized.shape[:2]
    (label_map,) = segmenter.predict_prepared([ModelInput(resized, height, width)])
    return SegmentedImage(resized, label_map)
