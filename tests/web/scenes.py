"""Small images to work on: coloured shapes on a cluttered ground, with their masks."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab.images.masks import write_mask

LABELS = ("ground", "disc", "bar")
LABELS_FILE = "".join(f"{index}\t{name}\n" for index, name in enumerate(LABELS))
_COLOURS = ((96, 140, 84), (205, 70, 60), (70, 96, 200))


def draw_mask(seed: int, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """A disc and a bar somewhere: (H, W) class indices."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    mask = np.zeros((height, width), np.uint8)
    mask[(y - random.integers(12, 36)) ** 2 + (x - random.integers(12, 52)) ** 2 < random.integers(40, 160)] = 1
    top = random.integers(0, height - 8)
    mask[top : top + 6, width // 3 :] = 2
    return mask


def paint(mask: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """An image of a mask: (H, W, 3)."""
    noise = np.random.default_rng(seed).normal(0, 18, (*mask.shape, 3))
    return np.clip(np.array(_COLOURS)[mask] + noise, 0, 255).astype(np.uint8)


def make_dataset(root: Path, n_images: int = 4) -> Path:
    """A dataset folder with the splits train and val, labels.txt and config.yaml."""
    (root / "images").mkdir(parents=True)
    for number in range(n_images):
        mask = draw_mask(number)
        Image.fromarray(paint(mask, number)).save(root / "images" / f"{number}.png")
        write_mask(root / "masks" / f"{number}.png", mask)
    ids = [str(number) for number in range(n_images)]
    (root / "train.txt").write_text("\n".join(ids[:-1]) + "\n")
    (root / "val.txt").write_text(ids[-1] + "\n")
    (root / "labels.txt").write_text(LABELS_FILE)
    (root / "config.yaml").write_text(
        f"DATASET: {{NAME: folder, ROOT: {root}, LABELS: {root / 'labels.txt'}, N_CLASSES: 3}}\n"
        "MODEL: {NAME: DeepLabV2_ResNet50_MSC, WIDTH: 8}\nSOLVER: {ITER_MAX: 1200, ITER_SAVE: 600, ITER_TB: 20}\n"
    )
    return root
