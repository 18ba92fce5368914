"""Segment one image at once, with the CRF beside the model alone, so that both can be compared."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from deeplab.config import Config
from deeplab.crf.batch import refine_logits
from deeplab.crf.build import build_crf, view_of
from deeplab.images.bands import Reading
from deeplab.images.files import read_image
from deeplab.images.resize import shrink_longer_side
from deeplab.inference.label_maps import label_map_of
from deeplab.inference.segmenter import LabelMap, Segmenter
from deeplab.scores.certainty import CertaintyCount


@dataclass(frozen=True)
class LabelledImage:
    """An image at the size at which it was segmented, and what the model says of it."""

    image: NDArray[np.uint8]  # (H, W, 3) RGB
    labels: LabelMap  # by the model alone
    refined: LabelMap | None  # after the CRF
    certainty: CertaintyCount  # of the model alone, with its map


def read_reduced(path: Path, config: Config, longest_side: int) -> NDArray[np.uint8]:
    """Read an image, (H, W, 3) RGB, and reduce one that is larger.

    Raises:
        ImageError: if it cannot be decoded.
    """
    return shrink_longer_side(read_image(path, Reading.of(config.IMAGE)), longest_side)


def label_one(segmenter: Segmenter, image: NDArray[np.uint8], *, crf: bool) -> LabelledImage:
    """Label one image, (H, W, 3) uint8 RGB, and refine the label map if `crf` asks for it.

    Raises:
        LabelError: if it cannot be labelled.
        CrfError: if it is too large for the CRF, or there is no such backend.
    """
    height, width = image.shape[:2]
    config = segmenter.config
    certainty = CertaintyCount.unlabelled(config.DATASET.N_CLASSES, height, width, keeps_map=True)
    (prediction,) = segmenter.predictions([image])
    labels = prediction.labels(certainty).cpu().numpy()
    if not bool(prediction.finite()):
        raise segmenter.no_numbers()
    refined = _refine(segmenter, image, prediction.logits()) if crf else None
    return LabelledImage(image, labels, refined, certainty)


def _refine(segmenter: Segmenter, image: NDArray[np.uint8], logits: Tensor) -> LabelMap:
    crf = build_crf(segmenter.config.CRF, device=str(segmenter.device))
    (probs,) = refine_logits(crf, [image], [logits], view_of(segmenter.config))
    return label_map_of(probs, *image.shape[:2])
