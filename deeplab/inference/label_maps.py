"""From logits to label maps of any size, in memory that does not grow with it."""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from deeplab.images.resize import linear_taps

# Numbers in a strip of upsampled logits: about the size of a CPU's cache, but enough to keep a GPU busy.
_STRIP_CPU = 2**20
_STRIP_GPU = 2**25


def label_map_of(logits: Tensor, height: int, width: int, *, strip: int | None = None) -> NDArray[np.uint8]:
    """Compute `best_classes` and copy it to the CPU's memory: (height, width) uint8."""
    label_map: NDArray[np.uint8] = best_classes(logits, height, width, strip=strip).cpu().numpy()
    return label_map


def best_classes(logits: Tensor, height: int, width: int, *, strip: int | None = None) -> Tensor:
    """Upsample logits bilinearly (`align_corners=False`) and take the best class of each pixel, strip by strip.

    Each pixel depends on its neighbours in `logits` alone, so the size of the strips changes nothing. On a GPU nothing
    waits for the result.

    Args:
        logits: (C, h, w) float, on any device.
        height: of the label map.
        width: of the label map.
        strip: how many upsampled numbers may exist at a time.

    Returns:
        The label map, (height, width) uint8, on the device of the logits; of equal logits the first class wins.
    """
    strip = strip or (_STRIP_GPU if logits.is_cuda else _STRIP_CPU)
    n_rows = max(1, strip // (logits.shape[0] * width))
    low, high, weight = _linear_taps_on(logits.device, logits.shape[1], height)
    label_map = torch.empty((height, width), dtype=torch.uint8, device=logits.device)
    for top in range(0, height, n_rows):
        rows = slice(top, top + n_rows)
        between = torch.lerp(logits[:, low[rows]], logits[:, high[rows]], weight[rows, None])  # (C, rows, w)
        upsampled = functional.interpolate(
            between[None], size=(between.shape[1], width), mode="bilinear", align_corners=False
        )[0]
        label_map[rows] = upsampled.max(dim=0).indices  # faster than argmax over the first axis
    return label_map


@lru_cache(maxsize=256)
def _linear_taps_on(device: torch.device, n_in: int, n_out: int) -> tuple[Tensor, Tensor, Tensor]:
    """Copy `linear_taps` to a device. Cached, because a copy to a GPU waits for all work queued there."""
    low, high, weight = (torch.from_numpy(part).to(device) for part in linear_taps(n_in, n_out))
    return low, high, weight


def count_classes(label_map: NDArray[np.uint8]) -> dict[int, int]:
    """Count the pixels of each class that occurs in a label map."""
    counts = Image.fromarray(label_map).histogram()  # numpy's bincount would make a copy of eight times the size
    return {index: count for index, count in enumerate(counts) if count}
