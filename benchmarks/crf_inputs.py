"""Images and probabilities for the CRF's benchmark: real photographs, a model's answers or ones like them."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Probs = NDArray[np.float32]
Pair = tuple[Pixels, Probs]

_STRIDE = 8  # of the model whose answers are imitated, pixels
_DOUBT = 6  # strides over which its doubts change


def photographs(folder: Path, count: int, size: tuple[int, int]) -> tuple[list[str], list[Pixels]]:
    """The first images of a folder by name, resized to (width, height); soft noise where there is no folder."""
    files = sorted(path for path in folder.glob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})[:count]
    if files:
        opened = [Image.open(path).convert("RGB").resize(size, Image.Resampling.LANCZOS) for path in files]
        return [path.stem for path in files], [np.array(image) for image in opened]
    print(f"No images in {folder}: soft noise takes their place.")
    return [str(i) for i in range(count)], [_soft_noise(size, i) for i in range(count)]


def _soft_noise(size: tuple[int, int], seed: int) -> Pixels:
    rng = np.random.default_rng(seed)
    blobs = Image.fromarray(rng.integers(0, 256, (16, 20, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    return np.clip(np.asarray(blobs) + rng.normal(0, 2, (size[1], size[0], 3)), 0, 255).astype(np.uint8)


def synthetic(n_classes: int, size: tuple[int, int], seed: int) -> Probs:
    """Undecided probabilities over all classes: the recipe of the golden answers."""
    width, height = size
    rng = np.random.Generator(np.random.Philox(seed))
    low = rng.normal(0, 2, (n_classes, height // 16, width // 16)).astype(np.float32)
    return _softmax(_resized(low, size))


def from_logits(path: Path, size: tuple[int, int]) -> Probs:
    """What a trained model said: logits (C, h, w) of its output size in an .npy file."""
    return _softmax(_resized(np.load(path).astype(np.float32), size))


def like_a_model(mask: Path | None, n_classes: int, size: tuple[int, int], seed: int) -> Probs:
    """A model's answer for an image that shows a few of many classes: sure in places, undecided in others.

    The constants give the distribution that the small CamVid model of configs/ has over its 11 classes: the greatest
    probability of a pixel is 0.7 to 0.8 on average and 0.4 in the least certain twentieth, and four to five classes
    are above 0.01. That model takes all its classes for likely somewhere; here the others stay below 0.01.

    Args:
        mask: an index PNG of 11 classes, which stand for 11 of `n_classes` at random, or together for 6 where there
            are fewer than 100; without one, regions are drawn.
        n_classes: of the answer. size: (width, height) of the answer. seed: of what is random.
    """
    rng = np.random.default_rng(seed)
    columns, rows = math.ceil(size[0] / _STRIDE), math.ceil(size[1] / _STRIDE)
    labels = np.asarray(Image.open(mask)) if mask else _regions(rows * _STRIDE, columns * _STRIDE, rng)
    labels = np.where(labels < 11, labels, 0)  # a model answers where nobody labelled, too
    n_present, n_mistaken = (11, 11) if n_classes >= 100 else (6, 4)
    order = rng.permutation(n_classes)
    likely = order[: n_present + n_mistaken]
    scores = rng.normal(-8, 0.5, (n_classes, 1, 1)) + rng.normal(0, 0.3, (n_classes, rows, columns))
    doubts = rng.normal(0, 2.5, (len(likely), math.ceil(rows / _DOUBT), math.ceil(columns / _DOUBT))).astype(np.float32)
    scores[likely] = _resized(doubts, (columns, rows))
    for index in range(11):
        region = Image.fromarray(((labels == index) * 255).astype(np.uint8))
        share = np.asarray(region.resize((columns, rows), Image.Resampling.BOX), np.float64) / 255
        scores[order[index % min(n_present, n_classes)]] += 5 * share
    return _softmax(_resized(scores.astype(np.float32), size))


def _regions(height: int, width: int, rng: np.random.Generator) -> NDArray[np.intp]:
    y, x = rng.integers(0, height, 11), rng.integers(0, width, 11)
    distances = (np.arange(height)[:, None, None] - y) ** 2 + (np.arange(width)[None, :, None] - x) ** 2
    nearest: NDArray[np.intp] = distances.argmin(axis=2)
    return nearest


def _resized(planes: Sequence[NDArray[np.float32]] | NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.stack([np.asarray(Image.fromarray(p).resize(size, Image.Resampling.BILINEAR)) for p in planes])


def _softmax(scores: NDArray[np.float32]) -> Probs:
    powers = np.exp(scores - scores.max(axis=0))
    probs: Probs = powers / powers.sum(axis=0)
    return probs
