"""Check an image and its probabilities, and say in one sentence what is wrong with them."""

import math

import numpy as np
import psutil
from numpy.typing import NDArray

from deeplab.densecrf.errors import CrfError

SUM_TOLERANCE = 1e-3  # how far a pixel's probabilities may sum from one; half precision comes within 5e-4
# Six entries for each pixel are indexed by 32 bits, and far larger images cannot be held with their probabilities.
MAX_PIXELS = 2**26


def check_pair(image: object, probs: object) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Check kinds and sizes and return both as C-contiguous arrays; the values are checked by the engines.

    Args:
        image: (H, W, 3) uint8 RGB.
        probs: (C, H, W) float32.

    Raises:
        CrfError: if either is something else, the sizes differ, or there are more than `MAX_PIXELS` pixels.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise CrfError(f"The image must be an (H, W, 3) array of uint8, not {_kind(image)}.")
    if not isinstance(probs, np.ndarray) or probs.dtype != np.float32 or probs.ndim != 3:
        raise CrfError(f"The probabilities must be a (C, H, W) array of float32, not {_kind(probs)}.")
    if probs.size == 0:
        raise CrfError(f"The probabilities have no values: their shape is {probs.shape}.")
    height, width = image.shape[:2]
    if probs.shape[1:] != (height, width):
        raise CrfError(
            f"The image has {width}x{height} pixels but the probabilities {probs.shape[2]}x{probs.shape[1]};"
            " resize one to the other."
        )
    check_size(height, width)
    return np.ascontiguousarray(image), np.ascontiguousarray(probs)


def check_size(height: int, width: int) -> None:
    """Refuse an image of more than `MAX_PIXELS` pixels. Raises CrfError."""
    if height * width > MAX_PIXELS:
        raise CrfError(
            f"An image of {width}x{height} pixels is too large for the dense CRF, which takes at most {MAX_PIXELS:,}"
            " pixels; cut it into tiles."
        )


def check_memory(n_pixels: int, n_bytes: int) -> None:
    """Refuse an image that would not fit.

    Raises:
        CrfError: if less memory than `n_bytes` is available.
    """
    available = psutil.virtual_memory().available
    if n_bytes > available:
        raise CrfError(
            f"The dense CRF needs about {n_bytes / 2**30:.1f} GiB for an image of {n_pixels:,} pixels but"
            f" {available / 2**30:.1f} GiB are free; cut it into tiles."
        )


def no_distribution(probs: NDArray[np.float32], pixel: int) -> CrfError:
    """Say why a pixel's values are no probabilities; `pixel` counts in raster order."""
    y, x = divmod(pixel, probs.shape[2])
    values = probs[:, y, x].astype(np.float64)
    where = f"the pixel in row {y}, column {x}"
    for class_, value in enumerate(values):
        if not math.isfinite(value) or value < 0:
            return CrfError(f"The probability of class {class_} at {where} is {value:g}; it must lie in 0..1.")
    return CrfError(f"The probabilities of {where} sum to {values.sum():g}, not to 1; apply softmax first.")


def _kind(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} and shape {value.shape}"
    return f"a {type(value).__name__}"
