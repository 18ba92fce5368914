"""From logits to label maps of any size, in memory that does not grow with it."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from deeplab.images.resize import linear_taps
from deeplab.scores.certainty import CertaintyCount
from deeplab.scores.strips import rows_at_once


def label_map_of(logits: Tensor, height: int, width: int, *, strip: int | None = None) -> NDArray[np.uint8]:
    """Compute `best_classes` and copy it to the CPU's memory: (height, width) uint8."""
    label_map: NDArray[np.uint8] = best_classes([logits], height, width, strip=strip).cpu().numpy()
    return label_map


def best_classes(
    views: Sequence[Tensor],
    height: int,
    width: int,
    *,
    strip: int | None = None,
    certainty: CertaintyCount | None = None,
) -> Tensor:
    """Upsample logits bilinearly (`align_corners=False`) and take the best class of each pixel, strip by strip.

    Each pixel depends on its neighbours in the logits alone, so the size of the strips changes nothing. On a GPU
    nothing waits for the result.

    Args:
        views: (C, h, w) float each, on any device: the logits of one view of an image, or of several whose probs are
            averaged.
        height: of the label map.
        width: of the label map.
        strip: how many upsampled numbers may exist at a time.
        certainty: hears of all pixels, too.

    Returns:
        The label map, (height, width) uint8, on the device of the logits; of equal logits the first class wins.
    """
    label_map = torch.empty((height, width), dtype=torch.uint8, device=views[0].device)
    for rows, scores in upsampled_strips(views, height, width, strip=strip):
        best = scores.max(dim=0)  # faster than argmax over the first axis
        label_map[rows] = best.indices
        if certainty is not None:
            certainty.add(rows, slice(None), scores, best, are_probs=len(views) > 1)
    return label_map


def upsampled_strips(
    views: Sequence[Tensor], height: int, width: int, *, strip: int | None = None
) -> Iterator[tuple[slice, Tensor]]:
    """Upsample as `best_classes`, and `combine` the views: strips of rows with their (C, rows, width) float."""
    n_rows = rows_at_once(views[0], width, strip)
    for top in range(0, height, n_rows):
        rows = slice(top, min(top + n_rows, height))
        yield rows, combine([_upsample(logits, height, width, rows) for logits in views])


def combine(views: Sequence[Tensor]) -> Tensor:
    """What several views say of the same pixels: of one its logits, of several the mean of their probs, (C, ...)."""
    if len(views) == 1:
        return views[0]
    total = views[0].softmax(dim=0)
    for logits in views[1:]:
        total += logits.softmax(dim=0)
    return total / len(views)


def _upsample(logits: Tensor, height: int, width: int, rows: slice) -> Tensor:
    """Rows of (C, h, w) logits enlarged to (C, height, width)."""
    low, high, weight = _linear_taps_on(logits.device, logits.shape[1], height)
    between = torch.lerp(logits[:, low[rows]], logits[:, high[rows]], weight[rows, None])  # (C, rows, w)
    size = (between.shape[1], width)
    return functional.interpolate(between[None], size=size, mode="bilinear", align_corners=False)[0]


@lru_cache(maxsize=256)
def _linear_taps_on(device: torch.device, n_in: int, n_out: int) -> tuple[Tensor, Tensor, Tensor]:
    """Copy `linear_taps` to a device. Cached, because a copy to a GPU waits for all work queued there."""
    low, high, weight = (torch.from_numpy(part).to(device) for part in linear_taps(n_in, n_out))
    return low, high, weight


def count_classes(label_map: NDArray[np.uint8]) -> dict[int, int]:
    """Count the pixels of each class that occurs in a label map."""
    counts = Image.fromarray(label_map).histogram()  # numpy's bincount would make a copy of eight times the size
    return {index: count for index, count in enumerate(counts) if count}
