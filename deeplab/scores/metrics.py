"""Score label maps against the ground truth."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

_AT_ONCE = 2**22  # pixels, because the count of a pixel takes many bytes for a moment


@dataclass(frozen=True)
class Scores(Mapping[str, Any]):
    """The scores of an evaluation as a mapping, and the confusion matrix that they come from.

    Keys: those of `deeplab.catalog.SCORES`, fractions in [0, 1]; "class_iou", a list of fractions by class, NaN for a
    class that occurs neither in the ground truth nor in the predictions; "n_images". If single images were looked
    at, also those of `deeplab.catalog.IMAGE_SCORES`, and "class_boundary_iou" if there is "boundary_iou".
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
        """Return the mapping with None for NaN, which JSON lacks."""
        lists = {name: values for name, values in self.items() if isinstance(values, list)}
        return {
            **self.values_by_name,
            **{name: [None if np.isnan(each) else each for each in values] for name, values in lists.items()},
        }


class ConfusionMatrix:
    """Counts pixels by true and predicted class, in memory that does not grow with the data.

    Args:
        n_classes: C. Labels outside 0 .. C - 1, such as 255, are not counted.
        device: where to count; the labels and predictions are moved there.
    """

    def __init__(self, n_classes: int, device: torch.device | str = "cpu") -> None:
        self.n_classes = n_classes
        self.n_images = 0
        # A cell for each pair of classes. The last row is of pixels that do not count, the last column of predictions
        # that are no class.
        self._counts = torch.zeros((n_classes + 1) ** 2, dtype=torch.int64, device=device)

    def update(self, labels: ArrayLike | Tensor, predictions: ArrayLike | Tensor) -> Tensor:
        """Count the pixels of one label map (H, W) or of several (N, H, W).

        Returns:
            The counts of these alone, (C + 1, C + 1) int64 on the device: the last row is of pixels whose label is no
            class, the last column of predictions that are none.

        Raises:
            ValueError: if the shapes differ, or a counted pixel's prediction is not a class. On a GPU, whose result is
                not awaited here, `counts` and `scores` raise the latter.
        """
        true, predicted = self._as_tensor(labels), self._as_tensor(predictions)
        if true.shape != predicted.shape:
            raise ValueError(f"labels have shape {tuple(true.shape)}, predictions {tuple(predicted.shape)}")
        counts = torch.zeros_like(self._counts)
        for first in range(0, true.numel(), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            self._count(counts, true.reshape(-1)[part].long(), predicted.reshape(-1)[part].long())
        if not counts.is_cuda:
            self._require_classes(counts)
        self._counts += counts
        self.n_images += 1 if true.ndim < 3 else len(true)
        return self._as_square(counts)

    def _count(self, counts: Tensor, true: Tensor, predicted: Tensor) -> None:
        """Args: the counts to add to, and int64 labels of one length."""
        cells = self._class_or_last(true) * (self.n_classes + 1) + self._class_or_last(predicted)
        if counts.is_cuda:  # bincount would wait for the largest cell number
            counts.scatter_add_(0, cells, torch.ones_like(cells))
        else:
            counts += torch.bincount(cells, minlength=len(counts))

    def _class_or_last(self, values: Tensor) -> Tensor:
        return torch.where((values >= 0) & (values < self.n_classes), values, self.n_classes)

    def _as_square(self, counts: Tensor) -> Tensor:
        return counts.view(self.n_classes + 1, self.n_classes + 1)

    def _require_classes(self, counts: Tensor) -> None:
        if self._as_square(counts)[:-1, -1].any():
            raise ValueError(f"predictions must be classes below {self.n_classes}")

    def add(self, counts: NDArray[np.int64], n_images: int) -> None:
        """Add the counts, (C, C), of another matrix, and the number of its images."""
        self._as_square(self._counts)[:-1, :-1] += torch.from_numpy(counts).to(self._counts.device)
        self.n_images += n_images

    def counts(self) -> NDArray[np.int64]:
        """Return the (C, C) counts; rows are ground truth. Raises ValueError if a counted prediction is no class."""
        counts = self._counts.cpu()
        self._require_classes(counts)
        matrix: NDArray[np.int64] = self._as_square(counts)[:-1, :-1].numpy().copy()
        return matrix

    def scores(self) -> Scores:
        """Compute the scores of all pixels so far, by the original's rules.

        Mean accuracy and mean IoU are over the classes that occur in the ground truth.

        Raises:
            ValueError: if no pixel was counted, or a counted pixel's prediction was not a class.
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
        return tensor.to(self._counts.device)
