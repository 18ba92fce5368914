"""One image with its ground truth."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.images import read_image, read_mask


@dataclass(frozen=True)
class Sample:
    """An image and its label map, of equal size."""

    id: str  # as the split list has it, such as "a" or "city/a"
    image: NDArray[np.uint8]  # (H, W, 3) RGB
    label: NDArray[np.uint8]  # (H, W) class indices or the ignore label


def read_sample(sample_id: str, image_path: Path, mask_path: Path, n_classes: int, ignore_label: int) -> Sample:
    """Read a pair and check that the two belong together.

    Raises:
        ImageError: if one of the files cannot be decoded.
        DatasetError: if the sizes differ, or the mask holds a value that is neither a class nor `ignore_label`.
    """
    image, label = read_image(image_path), read_mask(mask_path)
    if image.shape[:2] != label.shape:
        raise DatasetError(
            f"{printable(mask_path)}: the mask is {_size(label)}, but its image {printable(image_path)}"
            f" is {_size(image)}."
        )
    strange = label[(label >= n_classes) & (label != ignore_label)]
    if strange.size:
        raise DatasetError(
            f"{printable(mask_path)}: the mask holds the value {strange[0]}; expected classes 0 to {n_classes - 1}"
            f" or {ignore_label}."
        )
    return Sample(sample_id, image, label)


def _size(pixels: NDArray[np.uint8]) -> str:
    height, width = pixels.shape[:2]
    return f"{width}x{height}"
