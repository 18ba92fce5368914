"""Numbers such as a training and an evaluation report."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np


def training_metrics(iteration: int, total: int) -> dict[str, float]:
    """What a training would report: a falling, wobbling loss and the poly learning rate."""
    loss = 1.9 * math.exp(-iteration / (0.3 * total)) + 0.25 + 0.05 * math.sin(iteration / 37)
    return {"loss": loss, "lr/group0": 2.5e-4 * (1 - iteration / total) ** 0.9}


def scores(confusion: Sequence[Sequence[int]], labels: Sequence[str]) -> dict[str, Any]:
    """What an evaluation records."""
    counts = np.array(confusion, float)
    hits, true, predicted = counts.diagonal(), counts.sum(1), counts.sum(0)
    iou = hits / (true + predicted - hits)
    return {
        "pixel_accuracy": hits.sum() / counts.sum(),
        "mean_accuracy": float((hits / true).mean()),
        "mean_iou": float(iou.mean()),
        "frequency_weighted_iou": float((true / true.sum() * iou).sum()),
        "class_iou": [float(each) for each in iou],
        "n_images": 101,
        "labels": list(labels),
    }
