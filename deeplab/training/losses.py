"""The loss of the DeepLab v2 protocol."""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from deeplab.schema import Ohem

N_LABELS = 256  # values of a label map, a byte per pixel


def multi_scale_loss(
    logits_list: Sequence[Tensor],
    labels: Tensor,
    ignore_index: int,
    count_all: Callable[[Tensor], Tensor] = lambda counts: counts,
    *,
    weights: Tensor | None = None,
    label_smoothing: float = 0.0,
    ohem: Ohem | None = None,
) -> Tensor:
    """Sum the cross-entropies of several logits against the same labels, each a mean over the labelled pixels.

    Args:
        logits_list: each (N, C, h, w), of any size and floating type; the loss is computed in float32.
        labels: (N, H, W) class indices of any integer type, on the logits' device.
        ignore_index: label of pixels that do not count.
        count_all: for a part of a batch: turns the counts of labelled pixels, one per logits, into those of the whole
            batch. The losses of all parts then sum to the batch's.
        weights: (C,) float32 on the logits' device: the mean is weighted with that of each pixel's class, as
            `torch.nn.functional.cross_entropy` does it, and the counts are sums of weights. A class of weight 0 is
            ignored.
        label_smoothing: share of each label that is spread evenly over all classes, as in `cross_entropy`.
        ohem: which pixels count, for each logits on their own, before anything else; None or without a threshold: all.

    Returns:
        A scalar. Logits whose resized labels are all ignored add 0, where a plain mean would be NaN.
    """
    resized = [resize_labels(labels, *logits.shape[2:]) for logits in logits_list]
    if ohem is not None and ohem.THRESHOLD is not None:
        resized = [
            keep_hard_pixels(logits.detach().float(), each, ignore_index, ohem.THRESHOLD, ohem.MIN_KEPT)
            for logits, each in zip(logits_list, resized, strict=True)
        ]
    if weights is None:
        n_labelled = count_all(torch.stack([(each != ignore_index).sum() for each in resized])).clamp(min=1)
    else:
        of_label = functional.pad(weights, (0, N_LABELS - len(weights)))
        resized = [each.masked_fill(of_label[each] == 0, ignore_index) for each in resized]
        total = count_all(torch.stack([of_label[each].sum() for each in resized]))
        n_labelled = total.where(total > 0, 1)
    sums = [
        functional.cross_entropy(
            logits.float(),
            each,
            weights,
            ignore_index=ignore_index,
            reduction="sum",
            label_smoothing=label_smoothing,
        )
        for logits, each in zip(logits_list, resized, strict=True)
    ]
    return (torch.stack(sums) / n_labelled).sum()


def keep_hard_pixels(logits: Tensor, labels: Tensor, ignore_index: int, threshold: float, min_kept: float) -> Tensor:
    """Ignore the labels of pixels that the model finds easy.

    Args:
        logits: (N, C, h, w) float32.
        labels: (N, h, w) int64.
        ignore_index: label of pixels that do not count, before and after.
        threshold: a pixel is hard if the probability of its label's class is below this.
        min_kept: share of the batch's labelled pixels that are kept in any case, those of the lowest probabilities;
            with equals of the last of them.

    Returns:
        (N, h, w) int64.

    Source: Shrivastava et al., CVPR 2016; for pixels as in OCNet and mmsegmentation.
    """
    # An ignored pixel has the loss 0 here, hence the probability 1, and stays ignored whatever becomes of it.
    probabilities = torch.exp(-functional.cross_entropy(logits, labels, ignore_index=ignore_index, reduction="none"))
    is_easy = probabilities >= threshold  # false for NaN, so that a training that diverged is noticed
    labelled = probabilities[labels != ignore_index]
    n_kept = math.ceil(min_kept * len(labelled))
    if n_kept:
        is_easy &= probabilities > labelled.kthvalue(n_kept).values
    return labels.masked_fill(is_easy, ignore_index)


def resize_labels(labels: Tensor, height: int, width: int) -> Tensor:
    """Resize label maps by nearest neighbour as `PIL.Image.resize` does.

    `interpolate(mode="nearest")` and OpenCV pick other neighbours, half a pixel off.

    Args:
        labels: (N, H, W), any integer type.

    Returns:
        (N, height, width) int64.
    """
    rows = _nearest(labels.shape[1], height, labels.device)
    columns = _nearest(labels.shape[2], width, labels.device)
    return labels[:, rows][:, :, columns].long()


@lru_cache(maxsize=256)  # on the device, because a copy to the GPU would make the CPU wait
def _nearest(old: int, new: int, device: torch.device) -> Tensor:
    """Ask Pillow which of `old` positions it takes for each of `new`: (new,) int64."""
    ramp = Image.fromarray(np.arange(old, dtype=np.int32)[np.newaxis])
    indices = np.asarray(ramp.resize((new, 1), Image.Resampling.NEAREST))[0]
    return torch.tensor(indices, dtype=torch.int64, device=device)
