"""How sure a model is of an image, and how far it believes the ground truth: added up strip by strip."""

from collections.abc import Mapping
from typing import Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplab.scores.image_scores import Certainty
from deeplab.scores.strips import rows_at_once

_TEMPERATURE = 0.1  # of the softmin


class Best(Protocol):
    """The best class of some pixels, as `scores.max(dim=0)` finds it: (rows, columns) each."""

    @property
    def values(self) -> Tensor:
        """Its score."""
        ...

    @property
    def indices(self) -> Tensor:
        """Which it is."""
        ...


class CertaintyCount:
    """Sums over the pixels of one image, on the device of its scores, where nobody waits for them.

    The label quality of an image is the softmin over its pixels of the probability s that the model gives the true
    class: sum(s * w) / sum(w) with w = exp((1 - s) / 0.1), so that few bad pixels outweigh many good ones. As sums they
    need neither all pixels at once nor all probs.

    Args:
        n_classes: C.
        label_map: the ground truth, (H, W) uint8, best on the device of the scores; pixels of no class do not count.
        keeps_map: also keep the top probability of each pixel in `confidence`.

    Source: V. Lad, J. Mueller, Estimating label quality and errors in semantic segmentation data via any model, 2023,
    and cleanlab's `segmentation.rank.get_label_quality_scores`.
    """

    def __init__(self, n_classes: int, label_map: Tensor, *, keeps_map: bool = False) -> None:
        self._n_classes = n_classes
        self._label_map = label_map
        self._keeps_map = keeps_map
        self._sums: Tensor | None = None  # (3, C + 1): top by predicted class, w and s * w by true class
        self._confidence: Tensor | None = None

    @classmethod
    def unlabelled(cls, n_classes: int, height: int, width: int, *, keeps_map: bool = False) -> Self:
        """Of an image of a size without ground truth."""
        return cls(n_classes, torch.full((1, 1), 255, dtype=torch.uint8).expand(height, width), keeps_map=keeps_map)

    def add(self, rows: slice, columns: slice, scores: Tensor, best: Best, *, are_probs: bool) -> None:
        """Add some pixels; each comes once.

        Args:
            rows: of the pixels.
            columns: of the pixels.
            scores: their logits or probs, (C, rows, columns). Logits are overwritten.
            best: of the scores over the classes.
            are_probs: that is what the scores are.
        """
        label_map = self._label_map[rows, columns].to(scores.device).long()
        true = torch.where(label_map < self._n_classes, label_map, self._n_classes)
        top, believed = _probs_of(scores, best.values, true.clamp_max(self._n_classes - 1), are_probs=are_probs)
        believed = believed.double()
        weights = torch.exp((1 - believed) / _TEMPERATURE)
        sums = [self._by_class(best.indices, top), self._by_class(true, weights)]
        added = torch.stack([*sums, self._by_class(true, weights * believed)])
        self._sums = added if self._sums is None else self._sums.add_(added)
        if self._keeps_map:
            if self._confidence is None:
                self._confidence = torch.empty(self._label_map.shape, dtype=torch.uint8, device=scores.device)
            self._confidence[rows, columns] = as_grey(top)

    def sums(self) -> Tensor:
        """What `certainty_of` takes, (3, C + 1) float64 on the device of the scores."""
        return _require(self._sums)

    def confidence(self) -> Tensor:
        """The top probability of each pixel, (H, W) uint8, 255 is 1; on the device of the scores."""
        return _require(self._confidence)

    def _by_class(self, classes: Tensor, values: Tensor) -> Tensor:
        """Sums of values by class, (C + 1,) float64."""
        classes, values, n = classes.flatten(), values.double().flatten(), self._n_classes + 1
        if values.is_cuda:  # bincount would wait for the largest class
            return values.new_zeros(n).scatter_add_(0, classes, values)
        return torch.bincount(classes, values, minlength=n)


def certainty_of(sums: NDArray[np.float64], pixels: Mapping[int, int]) -> Certainty:
    """Compute means of sums.

    Args:
        sums: as `CertaintyCount.sums`.
        pixels: by predicted class.
    """
    top, weights, believed = sums[0], sums[1, :-1], sums[2, :-1]
    true = np.flatnonzero(weights)
    return Certainty(
        top=float(top.sum() / sum(pixels.values())),
        top_by_class={index: float(top[index] / n) for index, n in pixels.items()},
        label_quality=float(believed.sum() / weights.sum()) if true.size else None,
        label_quality_by_class={int(index): float(believed[index] / weights[index]) for index in true},
    )


def label_probs(probs: Tensor, certainty: CertaintyCount) -> Tensor:
    """Take the best class of each pixel, and count how certain it is, strip by strip.

    Args:
        probs: (C, H, W) float.
        certainty: hears of all pixels.

    Returns:
        The label map, (H, W) uint8; of equal probs the first class wins.
    """
    _, height, width = probs.shape
    label_map = torch.empty((height, width), dtype=torch.uint8, device=probs.device)
    n_rows = rows_at_once(probs, width)
    for top in range(0, height, n_rows):
        rows = slice(top, top + n_rows)
        best = probs[:, rows].max(dim=0)
        label_map[rows] = best.indices
        certainty.add(rows, slice(None), probs[:, rows], best, are_probs=True)
    return label_map


def as_grey(probs: Tensor) -> Tensor:
    """Turn probs into grey levels, uint8: 0 is 0.0 and 255 is 1.0."""
    return (probs * 255).round().clamp_(0, 255).to(torch.uint8)


def _probs_of(scores: Tensor, top: Tensor, true: Tensor, *, are_probs: bool) -> tuple[Tensor, Tensor]:
    """The probabilities of the best and of the true class, (rows, columns) each."""
    if are_probs:
        return top, scores.gather(0, true[None])[0]
    shares = scores.sub_(top).exp_()  # in place, because fresh memory for each strip costs more time than the sums
    total = shares.sum(dim=0)
    return 1 / total, shares.gather(0, true[None])[0] / total


def _require(tensor: Tensor | None) -> Tensor:
    if tensor is None:
        raise ValueError("an image has pixels, and a map of confidence only if it was asked for")
    return tensor
