"""The deterministic recipe behind every golden file in this folder.

`fill(state_dict)` overwrites each tensor with numbers that depend on its key and shape alone, so any
implementation with the same keys and shapes gets the same weights without shipping them.
`image(h, w, seed)` draws the float32 input that the golden outputs were computed from, and
`label_maps(case)` the pixels that were scored.
"""

import zlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def _draw(key: str, shape: tuple[int, ...]) -> NDArray[Any]:
    rng = np.random.Generator(np.random.Philox(zlib.crc32(key.encode())))
    if key.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if key.endswith("running_var"):
        return rng.uniform(0.5, 1.5, shape)
    if key.endswith("bn.weight"):
        return rng.uniform(0.4, 0.8, shape)
    if len(shape) >= 2:  # convolution or linear weight: He initialisation on the fan-in
        return rng.normal(0.0, np.sqrt(2.0 / np.prod(shape[1:])), shape)
    return rng.normal(0.0, 0.1, shape)  # biases and running means


def fill(state_dict: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a new state dict with the same keys, shapes and dtypes, and deterministic values."""
    return {
        key: torch.from_numpy(np.asarray(_draw(key, tuple(value.shape)))).to(value.dtype)
        for key, value in state_dict.items()
    }


def image(height: int, width: int, seed: int, batch: int = 1) -> torch.Tensor:
    """A (batch, 3, height, width) float32 tensor in the range of a mean-subtracted BGR image."""
    rng = np.random.Generator(np.random.Philox(seed))
    return torch.from_numpy(rng.uniform(-120.0, 135.0, (batch, 3, height, width)).astype(np.float32))


def label_maps(case: dict[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The ground truth and the predictions of scores.json; 255 is ignored, and class 4 does not occur."""
    rng = np.random.Generator(np.random.Philox(case["seed"]))
    n_classes, shape = case["n_classes"], case["shape"]
    labels = rng.integers(0, n_classes, shape)
    labels[rng.random(shape) < 0.1] = 255
    labels[labels == 4] = 5
    guesses = np.where(labels == 255, 0, labels)
    return labels, np.where(rng.random(shape) < 0.6, guesses, rng.integers(0, n_classes, shape))
