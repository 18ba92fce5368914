"""Tiny datasets that tests draw for themselves."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COLOURS = np.array([[40, 40, 40], [220, 60, 40], [50, 90, 230]], np.uint8)  # by class


def draw_pair(rng: np.random.Generator, height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """An image, (H, W, 3), of two coloured boxes on noise, and its label map with three classes."""
    label = np.zeros((height, width), np.uint8)
    for class_index in (1, 2):
        top, left = rng.integers(height // 2), rng.integers(width // 2)
        label[top : top + height // 2, left : left + width // 2] = class_index
    noise = rng.integers(-30, 30, (height, width, 3))
    return np.clip(COLOURS[label] + noise, 0, 255).astype(np.uint8), label


def write_pair(root: Path, sample_id: str, image: NDArray[np.uint8], label: NDArray[np.uint8]) -> None:
    """Put a pair into a folder dataset, without listing it in a split."""
    for kind, pixels in (("images", image), ("masks", label)):
        path = root / kind / f"{sample_id}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


def draw_folder(root: Path, *, n_images: int = 6, height: int = 40, width: int = 48, seed: int = 0) -> Path:
    """A folder dataset whose splits train and val list the same images."""
    rng = np.random.default_rng(seed)
    ids = [f"{i}" for i in range(n_images)]
    for sample_id in ids:
        write_pair(root, sample_id, *draw_pair(rng, height, width))
    for split in ("train", "val"):
        (root / f"{split}.txt").write_text("\n".join(ids) + "\n")
    return root
