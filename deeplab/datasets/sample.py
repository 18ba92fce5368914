"""One image with its ground truth. Torch-free."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab.datasets.pairs import Pair
from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.images.files import read_image
from deeplab.images.resize import resize_planes


@dataclass(frozen=True)
class Sample:
    """An image and its label map, of equal size."""

    id: str  # as in the split's list, such as "a" or "city/a"
    image: NDArray[np.uint8]  # (H, W, 3) RGB
    label_map: NDArray[np.uint8]  # (H, W) class indices or the ignore label


def read_sample(pair: Pair, n_classes: int, ignore_label: int) -> Sample:
    """Read a pair and check that the image and its label map belong together.

    Raises:
        ImageError: if one of the files cannot be decoded.
        DatasetError: if the sizes differ, or the mask holds a value that is neither a class nor `ignore_label`.
    """
    image, label_map = read_image(pair.image), pair.ground_truth.read()
    mask = printable(pair.ground_truth.path)
    if image.shape[:2] != label_map.shape:
        raise DatasetError(
            f"{mask}: the mask is {_size(label_map)}, but its image {printable(pair.image)} is {_size(image)}."
        )
    unknown_values = label_map[(label_map >= n_classes) & (label_map != ignore_label)]
    if unknown_values.size:
        raise DatasetError(
            f"{mask}: the mask holds the value {unknown_values[0]}; expected classes 0 to {n_classes - 1}"
            f" or {ignore_label}."
        )
    return Sample(pair.id, image, label_map)


def warp(sample: Sample, side: int) -> Sample:
    """Squeeze or stretch a sample to a square of `side` pixels, whatever its shape.

    The image is interpolated as OpenCV does it, without smoothing, and rounded; the label map takes the nearest pixel
    by Pillow's rule.
    """
    planes = np.ascontiguousarray(sample.image.transpose(2, 0, 1), np.float32)
    image = np.rint(resize_planes(planes, side, side)).astype(np.uint8).transpose(1, 2, 0)
    label_map = Image.fromarray(sample.label_map).resize((side, side), Image.Resampling.NEAREST)
    return Sample(sample.id, np.ascontiguousarray(image), np.array(label_map))


def _size(pixels: NDArray[np.uint8]) -> str:
    height, width = pixels.shape[:2]
    return f"{width}x{height}"
