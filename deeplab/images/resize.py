"""Bilinear resizing of arrays as the original does it: pixel centres at half integers, no smoothing. Torch-free."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class LinearTaps(NamedTuple):
    """For each output position, the two input positions it lies between and the weight of the second."""

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    weight: NDArray[np.float32]


def linear_taps(n_in: int, n_out: int, ratio: float | None = None) -> LinearTaps:
    """Compute where a line of `n_out` pixels reads from one of `n_in`, as `align_corners=False` defines it.

    Args:
        n_in: input length.
        n_out: output length.
        ratio: input pixels per output pixel; None: n_in / n_out.
    """
    ratio = n_in / n_out if ratio is None else ratio
    position = np.clip((np.arange(n_out) + 0.5) * ratio - 0.5, 0.0, n_in - 1)
    low = position.astype(np.int64)
    return LinearTaps(low, np.minimum(low + 1, n_in - 1), (position - low).astype(np.float32))


def resize_planes(planes: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Resize (C, h, w) float32 to (C, height, width), equal to `F.interpolate(mode="bilinear")` up to rounding."""
    rows = linear_taps(planes.shape[1], height)
    between = _mix(planes[:, rows.low], planes[:, rows.high], rows.weight[:, None])
    columns = linear_taps(planes.shape[2], width)
    return _mix(between[:, :, columns.low], between[:, :, columns.high], columns.weight)


def resize_longer_side(image: NDArray[np.uint8], length: int) -> NDArray[np.uint8]:
    """Enlarge or shrink an (H, W, 3) image so that its longer side is `length`, as the original's demo does.

    The shorter side is rounded, but both sides keep one scale, as with OpenCV's `resize(fx=s, fy=s)`.
    """
    scale = length / max(image.shape[:2])
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    rows, columns = linear_taps(image.shape[0], height, 1 / scale), linear_taps(image.shape[1], width, 1 / scale)
    between = _mix(_floats(image[rows.low]), _floats(image[rows.high]), rows.weight[:, None, None])
    mixed = _mix(between[:, columns.low], between[:, columns.high], columns.weight[:, None])
    return np.rint(mixed).astype(np.uint8)


def shrink_longer_side(image: NDArray[np.uint8], limit: int) -> NDArray[np.uint8]:
    """Smoothly shrink an (H, W, 3) image whose longer side exceeds `limit` to it; return any other unchanged.

    Every pixel of a large image counts in the result, as in the small images that models are trained on; reading
    single pixels (`resize_longer_side`) would turn fine texture into noise.
    """
    longer = max(image.shape[:2])
    if longer <= limit:
        return image
    height, width = (max(1, round(side * limit / longer)) for side in image.shape[:2])
    return np.array(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def _floats(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return pixels.astype(np.float32)


def _mix(first: NDArray[np.float32], second: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute (1 - weight) * first + weight * second. Overwrites both, so they must be copies."""
    second -= first
    second *= weight
    second += first
    return second
