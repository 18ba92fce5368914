"""One image as the original's demo labels it: resized so that its longer side is IMAGE.SIZE.TEST."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch.nn import functional

from deeplab.densecrf import DenseCRF
from deeplab.inference.labelling import label_map
from deeplab.inference.segmenter import Segmenter
from deeplab.resample import resize_longer_side


class Single(NamedTuple):
    """A resized image and its labels."""

    image: NDArray[np.uint8]  # (h, w, 3) RGB
    label_map: NDArray[np.uint8]  # (h, w)


def segment_single(segmenter: Segmenter, image: NDArray[np.uint8], crf: DenseCRF | None = None) -> Single:
    """Enlarge or shrink an image to the size of the network's test images, and label it.

    Args:
        segmenter: its network and settings are used.
        image: (H, W, 3) uint8 RGB.
        crf: refines the probabilities, if given.
    """
    resized = resize_longer_side(image, segmenter.config.IMAGE.SIZE.TEST)
    height, width = resized.shape[:2]
    logits = segmenter.logits([resized])
    if crf is None:
        return Single(resized, label_map(logits[0], height, width))
    upsampled = functional.interpolate(logits, size=(height, width), mode="bilinear", align_corners=False)
    probs = crf(resized, upsampled.softmax(dim=1)[0].cpu().numpy())
    return Single(resized, probs.argmax(axis=0).astype(np.uint8))
