"""Scores of label maps against the ground truth."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor


@dataclass(frozen=True)
class Scores(Mapping[str, Any]):
    """The scores as a mapping, and the confusion matrix that they come from.

    Keys: "pixel_accuracy", "mean_accuracy", "mean_iou" and "frequency_weighted_iou", fractions in [0, 1]; "class_iou",
    a list of them by class, NaN for a class that occurs neither in the ground truth nor in the predictions; "n_images".
    """

    values_by_name: dict[str, Any]
    confusion: NDArray[np.int64]  # (C, C) pixel counts, rows are ground truth

    def __getitem__(self, name: str) -> Any:
        return self.values_by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_name)

    def __len__(self) -> int:
        return len(self.values_by_name)

    def as_json(self) -> dict[str, Any]:
        """The mapping with null for NaN, which JSON lacks."""
        class_iou = [None if np.isnan(iou) else iou for iou in self["class_iou"]]
        return {**self.values_by_name, "class_iou": class_iou}


class ConfusionMatrix:
    """Pixel counts by true and predicted class. Its size does not grow with the data.

    Args:
        n_classes: C. Labels outside 0 .. C - 1, such as 255, are not counted.
        device: where to count; the labels and predictions are moved there.
    """

    def __init__(self, n_classes: int, device: torch.device | str = "cpu") -> None:
        self.n_classes = n_classes
        self.n_images = 0
        self._counts = torch.zeros(n_classes * n_classes, dtype=torch.int64, device=device)

    def update(self, labels: ArrayLike | Tensor, predictions: ArrayLike | Tensor) -> None:
        """Count the pixels of one label map (H, W) or of several (N, H, W).

        Raises:
            ValueError: if the shapes differ, or a counted pixel's prediction is not a class.
        """
        true, predicted = self._as_tensor(labels), self._as_tensor(predictions)
        if true.shape != predicted.shape:
            raise ValueError(f"labels have shape {tuple(true.shape)}, predictions {tuple(predicted.shape)}")
        counted = (true >= 0) & (true < self.n_classes)
        pairs = true[counted] * self.n_classes + predicted[counted]
        if pairs.numel() and not bool(((predicted[counted] >= 0) & (predicted[counted] < self.n_classes)).all()):
            raise ValueError(f"predictions must be classes below {self.n_classes}")
        self._counts += torch.bincount(pairs, minlength=self.n_classes**2)
        self.n_images += 1 if true.ndim < 3 else len(true)

    def add(self, counts: NDArray[np.int64], n_images: int) -> None:
        """Add the counts of another matrix, (C, C), which saw so many images."""
        self._counts += torch.from_numpy(counts.reshape(-1)).to(self._counts.device)
        self.n_images += n_images

    def counts(self) -> NDArray[np.int64]:
        """The matrix: (C, C), rows are ground truth."""
        matrix: NDArray[np.int64] = self._counts.cpu().numpy().reshape(self.n_classes, self.n_classes).copy()
        return matrix

    def scores(self) -> Scores:
        """Compute the scores of all pixels so far, by the original's rules.

        Mean accuracy and mean IoU are over the classes that occur in the ground truth.

        Raises:
            ValueError: if no pixel was counted.
        """
        confusion = self.counts()
        if not confusion.any():
            raise ValueError("no pixel was counted")
        hits, true, predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
        occurs = true > 0
        with np.errstate(invalid="ignore"):
            iou = hits / (true + predicted - hits)
        frequency = true[occurs] / true.sum()
        values = {
            "pixel_accuracy": float(hits.sum() / true.sum()),
            "mean_accuracy": float((hits[occurs] / true[occurs]).mean()),
            "mean_iou": float(iou[occurs].mean()),
            "frequency_weighted_iou": float((frequency * iou[occurs]).sum()),
            "class_iou": [float(each) for each in iou],
            "n_images": self.n_images,
        }
        return Scores(values, confusion)

    def _as_tensor(self, array: ArrayLike | Tensor) -> Tensor:
        tensor = array if isinstance(array, Tensor) else torch.from_numpy(np.array(array))
        return tensor.to(self._counts.device, torch.int64)
