"""Images and probabilities for the tests of the dense CRF, and how answers are compared."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from deeplab.densecrf import DenseCRF

Pixels = NDArray[np.uint8]
Probs = NDArray[np.float32]
Parameters = tuple[int, float, float, float, float, float]

VOC: Parameters = (10, 3.0, 1.0, 4.0, 67.0, 3.0)
MAX_ERROR = 5e-4  # of the exact form


def photograph(height: int, width: int, seed: int = 0, noise: float = 3.0) -> Pixels:
    """Soft blobs of colour with the noise of a sensor."""
    rng = np.random.default_rng(seed)
    blobs = rng.integers(0, 256, (math.ceil(height / 24), math.ceil(width / 24), 3), np.uint8)
    soft = np.asarray(Image.fromarray(blobs).resize((width, height), Image.Resampling.BICUBIC), np.float32)
    return np.clip(soft + rng.normal(0, noise, soft.shape), 0, 255).astype(np.uint8)


def softmax(scores: NDArray[Any]) -> Probs:
    powers = np.exp(scores - scores.max(axis=0))
    probs: Probs = (powers / powers.sum(axis=0)).astype(np.float32)
    return probs


def smooth_planes(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Resize each plane of (C, h, w) as a model's output is."""
    planes = [Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR) for plane in values]
    return np.stack([np.asarray(plane, np.float32) for plane in planes])


def distribution(
    n_classes: int, height: int, width: int, seed: int = 0, strength: float = 2.0, cell: int = 16
) -> Probs:
    """Undecided probabilities that vary over `cell` pixels."""
    rng = np.random.default_rng(seed)
    shape = n_classes, max(height // cell, 1), max(width // cell, 1)
    return softmax(smooth_planes(rng.normal(0, strength, shape).astype(np.float32), height, width))


def model_answer(n_classes: int, height: int, width: int, seed: int = 0, n_present: int = 6) -> Probs:
    """What a trained model says: sure of a few classes over regions, next to nothing for all others."""
    rng = np.random.default_rng(seed)
    rows, columns = math.ceil(height / 8), math.ceil(width / 8)
    scores = rng.normal(-7, 0.7, (n_classes, 1, 1)) + rng.normal(0, 0.3, (n_classes, rows, columns))
    y, x = rng.integers(0, rows, n_present), rng.integers(0, columns, n_present)
    distances = (np.arange(rows)[:, None, None] - y) ** 2 + (np.arange(columns)[None, :, None] - x) ** 2
    nearest = distances.argmin(axis=2)
    for region, class_ in enumerate(rng.permutation(n_classes)[:n_present]):
        scores[class_] += 12.0 * (nearest == region)
    return softmax(smooth_planes(scores.astype(np.float32), height, width))


def reference(image: Pixels, probs: Probs, parameters: Parameters) -> Probs:
    """The answer of pydensecrf; skips the test where that is not installed."""
    pytest.importorskip("pydensecrf.densecrf", reason="pydensecrf is not installed")
    return DenseCRF(*parameters, backend="pydensecrf")(image, probs)


def assert_same_labels(labels: NDArray[Any], expected: Probs, margin: float = 2 * MAX_ERROR) -> None:
    """Labels may differ from Q's only where its two best classes are no further apart than errors can turn round."""
    wrong = labels != expected.argmax(axis=0)
    chosen = np.take_along_axis(expected, labels[None].astype(np.int64), axis=0)[0]
    assert np.all(expected.max(axis=0)[wrong] - chosen[wrong] <= margin)
