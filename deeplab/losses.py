"""The loss of the DeepLab v2 protocol."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional


def multi_scale_loss(logits_list: Sequence[Tensor], labels: Tensor, ignore_index: int) -> Tensor:
    """Sum of the cross-entropies of several logits against the same labels, each a mean over its labelled pixels.

    Args:
        logits_list: each (N, C, h, w), of any size.
        labels: (N, H, W) class indices of any integer type, on the logits' device.
        ignore_index: label of pixels that do not count.

    Returns:
        A scalar. Logits whose resized labels are all ignored add 0 to it, where a plain mean would be NaN.
    """
    return torch.stack([_cross_entropy(logits, labels, ignore_index) for logits in logits_list]).sum()


def _cross_entropy(logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
    labels = resize_labels(labels, *logits.shape[2:])
    labelled = (labels != ignore_index).sum().clamp(min=1)
    return functional.cross_entropy(logits, labels, ignore_index=ignore_index, reduction="sum") / labelled


def resize_labels(labels: Tensor, height: int, width: int) -> Tensor:
    """Resize label maps by nearest neighbour as `PIL.Image.resize` does.

    Others pick other neighbours: those of `interpolate(mode="nearest")` and of OpenCV lie half a pixel off.

    Args:
        labels: (N, H, W), any integer type.

    Returns:
        (N, height, width) int64.
    """
    rows = torch.tensor(_nearest(labels.shape[1], height), device=labels.device)
    columns = torch.tensor(_nearest(labels.shape[2], width), device=labels.device)
    return labels[:, rows][:, :, columns].long()


@lru_cache(maxsize=256)
def _nearest(old: int, new: int) -> list[int]:
    """For each of `new` positions the index among `old` that Pillow takes: Pillow itself is asked."""
    ramp = Image.fromarray(np.arange(old, dtype=np.int32)[np.newaxis])
    return [int(index) for index in np.asarray(ramp.resize((new, 1), Image.Resampling.NEAREST))[0]]
