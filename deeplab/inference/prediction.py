"""What a model says of one image: its label map, or its logits."""

from collections.abc import Iterator
from typing import Protocol

import psutil
import torch
from torch import Tensor

from deeplab.errors import LabelError
from deeplab.inference.label_maps import best_classes, upsampled_strips
from deeplab.inference.prepared_model import Views, are_finite
from deeplab.scores.certainty import CertaintyCount


class Prediction(Protocol):
    """What a model says of one image."""

    def labels(self, certainty: CertaintyCount | None = None) -> Tensor:
        """The label map, (H, W) uint8, on any device. Raises LabelError if there is none.

        Args:
            certainty: hears of all pixels on the way.
        """
        ...

    def logits(self) -> Tensor:
        """(C, h, w) float32 of any size, for saving or for the CRF. Raises LabelError if memory is short."""
        ...

    def finite(self) -> Tensor:
        """Whether all logits so far were numbers: a bool, for which nobody waits here."""
        ...


class WholePrediction:
    """Of an image that the model saw at once."""

    def __init__(self, views: Views, height: int, width: int) -> None:
        self._views = views
        self._height = height
        self._width = width
        self._finite = are_finite(views)

    def labels(self, certainty: CertaintyCount | None = None) -> Tensor:
        """The label map, (H, W) uint8, on the device of the model."""
        return best_classes(self._views, self._height, self._width, certainty=certainty)

    def logits(self) -> Tensor:
        """As the model put them out; of several views those of the mean probs, at the size of the image."""
        if len(self._views) == 1:
            return self._views[0]
        strips = upsampled_strips(self._views, self._height, self._width)
        whole = ((rows, slice(0, self._width), probs) for rows, probs in strips)
        return gather(whole, self._height, self._width, are_probs=True)

    def finite(self) -> Tensor:
        """Whether all logits are numbers."""
        return self._finite


def gather(parts: Iterator[tuple[slice, slice, Tensor]], height: int, width: int, *, are_probs: bool) -> Tensor:
    """Put logits together that come part by part: (C, height, width) float32 in the computer's memory.

    Args:
        parts: rows and columns, with their (C, rows, columns).
        height: of the image.
        width: of the image.
        are_probs: the parts are probs, of which the logarithm is taken.

    Raises:
        LabelError: if memory is short.
    """
    whole: Tensor | None = None
    for rows, columns, part in parts:
        if whole is None:
            whole = _reserve(len(part), height, width)
        scores = part.clamp_min(torch.finfo(torch.float32).tiny).log() if are_probs else part
        whole[:, rows, columns] = scores.cpu()
    if whole is None:
        raise ValueError("an image has pixels")
    return whole


def _reserve(n_classes: int, height: int, width: int) -> Tensor:
    n_bytes, available = 4 * n_classes * height * width, psutil.virtual_memory().available
    if n_bytes > available:
        raise LabelError(
            f"The logits of {n_classes} classes at {width}x{height} pixels take {n_bytes / 2**30:.1f} GiB, but"
            f" {available / 2**30:.1f} GiB are free; do without the CRF and without saving logits, or cut the image."
        )
    return torch.empty((n_classes, height, width))
