"""Refine the logits of a model with the CRF."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from deeplab.crf.build import bgr
from deeplab.densecrf import DenseCRF
from deeplab.densecrf.checks import check_memory, check_size

_COPIES = 3  # of the probs of an image in memory: enlarged, after softmax, refined


def refine_logits(
    crf: DenseCRF,
    images: Sequence[NDArray[np.uint8]],
    logits: Sequence[Tensor],
    view: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] = bgr,
) -> Iterator[Tensor]:
    """Refine the softmax of logits, upsampled bilinearly to the size of the images.

    Images are refined in groups of `DenseCRF.images_at_once`; only one group's probs are in memory at a time.

    Args:
        crf: with the torch backend, it must be on the device of the logits.
        images: each (H, W, 3) uint8 RGB, of one size.
        logits: (C, h, w) of each image.
        view: makes what the CRF sees of an image, as `view_of` chooses it.

    Yields:
        Q of each image, (C, H, W) float32: on the GPU with the torch backend, else on the CPU.

    Raises:
        CrfError: as `DenseCRF`.
    """
    if not images:
        return
    height, width = images[0].shape[:2]
    check_size(height, width)
    if not logits[0].is_cuda:
        check_memory(height * width, _COPIES * 4 * len(logits[0]) * height * width)
    at_once = crf.images_at_once(height * width, len(logits[0]))
    for first in range(0, len(images), at_once):
        group = slice(first, first + at_once)
        stacked = np.stack([view(image) for image in images[group]])
        yield from _refine(crf, stacked, _upsampled_probs(logits[group], height, width))


def _upsampled_probs(logits: Sequence[Tensor], height: int, width: int) -> Tensor:
    """Upsample the logits and take their softmax: (N, C, height, width) float32."""
    upsampled = functional.interpolate(
        torch.stack(list(logits)).float(), size=(height, width), mode="bilinear", align_corners=False
    )
    return upsampled.softmax(dim=1)


def _refine(crf: DenseCRF, images: NDArray[np.uint8], probs: Tensor) -> Iterator[Tensor]:
    """Refine images, (N, H, W, 3) uint8 BGR, with probs, (N, C, H, W) float32."""
    if crf.backend == "torch":
        yield from crf.infer(torch.from_numpy(images).to(probs.device), probs)
    else:
        yield from map(torch.from_numpy, crf.batch(list(images), list(probs.cpu().numpy())))
