"""One image with its ground truth. Torch-free."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab.datasets.pairs import Pair
from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.formats import dimensions
from deeplab.images.bands import AS_TAGGED, Reading
from deeplab.images.files import OrientedImage, read_oriented
from deeplab.images.resize import resize_planes


@dataclass(frozen=True)
class Sample:
    """An image and its label map, of equal size."""

    id: str  # as in the split's list, such as "a" or "city/a"
    image: NDArray[np.uint8] | NDArray[np.float32]  # (H, W, 3) RGB in 0..255; float32 if it was warped
    label_map: NDArray[np.uint8]  # (H, W) class indices or the ignore label

    @property
    def byte_image(self) -> NDArray[np.uint8]:
        """The image in whole numbers, as a CRF takes it."""
        return np.rint(self.image).astype(np.uint8) if self.image.dtype == np.float32 else self.image.astype(np.uint8)


def read_sample(pair: Pair, n_classes: int, ignore_label: int, reading: Reading = AS_TAGGED) -> Sample:
    """Read a pair and check that the image and its label map belong together.

    Raises:
        ImageError: if one of the files cannot be decoded.
        DatasetError: if the sizes differ, or the mask holds a value that is neither a class nor `ignore_label`.
    """
    photo = read_oriented(pair.image, reading)
    mask, drawn = printable(pair.ground_truth.path), pair.ground_truth.drawn_size
    if drawn is not None and drawn not in (photo.pixels.shape[:2], photo.stored_size):  # it may be one to fill memory
        raise _misfit(pair, drawn, photo)
    label_map, _ = fit_to(photo, pair.ground_truth.read())
    if photo.pixels.shape[:2] != label_map.shape:
        raise _misfit(pair, label_map.shape, photo)
    unknown_values = label_map[(label_map >= n_classes) & (label_map != ignore_label)]
    if unknown_values.size:
        raise DatasetError(
            f"{mask}: the mask holds the value {unknown_values[0]}; expected classes 0 to {n_classes - 1}"
            f" or {ignore_label}."
        )
    return Sample(pair.id, photo.pixels, label_map)


def _misfit(pair: Pair, size: tuple[int, ...], photo: OrientedImage) -> DatasetError:
    turned = f", turned by its EXIF orientation from {dimensions(photo.stored_size)}" if photo.orientation != 1 else ""
    return DatasetError(
        f"{printable(pair.ground_truth.path)}: the mask is {dimensions(size)}, but its image {printable(pair.image)} is"
        f" {dimensions(photo.pixels.shape)}{turned}."
    )


def fit_to(photo: OrientedImage, label_map: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], bool]:
    """Turn a label map that fits an image as it is stored, and not as people see it, like the image.

    Where both sizes are equal, as after half a turn or in a square, nobody can know: it stays as it is.

    Returns:
        The label map, and whether it was turned.
    """
    if label_map.shape == photo.pixels.shape[:2] or label_map.shape != photo.stored_size:
        return label_map, False
    return photo.turn_alike(label_map), True


def warp(sample: Sample, side: int) -> Sample:
    """Squeeze or stretch a sample to a square of `side` pixels, whatever its shape.

    The image is interpolated as OpenCV does it, without smoothing, and not rounded; the label map takes the nearest
    pixel by Pillow's rule.
    """
    planes = np.ascontiguousarray(sample.image.transpose(2, 0, 1), np.float32)
    image = resize_planes(planes, side, side).transpose(1, 2, 0)
    label_map = Image.fromarray(sample.label_map).resize((side, side), Image.Resampling.NEAREST)
    return Sample(sample.id, np.ascontiguousarray(image), np.array(label_map))
