"""An image of what training sees: augmented images beside their label maps."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab.config import Config
from deeplab.datasets.class_colours import class_colours_of
from deeplab.datasets.stream import TrainingStream, open_training_stream
from deeplab.files import make_folder, replace_file
from deeplab.reporter import Reporter, Stopped

_GAP = 10  # pixels between two images; the original leaves 50
_OPAQUE = 255


def write_preview(
    config: Config,
    path: Path,
    reporter: Reporter,
    *,
    split: str | None = None,
    n_images: int = 100,
    n_columns: int = 10,
    seed: int = 0,
) -> None:
    """Write a PNG with a grid of augmented images on the left and the grid of their label maps on the right.

    Pixels with IGNORE_LABEL, and the gaps between the images, are transparent.

    Args:
        config: DATASET and IMAGE are read.
        path: of the PNG; missing folders are made.
        reporter: hears of each image.
        split: name of the split; None: DATASET.SPLIT.TRAIN.
        n_images: how many samples to draw: the first that a training run with this seed would see.
        n_columns: images per row.
        seed: of the order and the augmentation.

    Raises:
        DeepLabError: if the dataset cannot be read or the file cannot be written.
        Stopped: if the reporter asked for it; nothing is written.
    """
    stream = open_training_stream(config, split or config.DATASET.SPLIT.TRAIN, seed)
    n_columns = min(n_columns, n_images)
    colours = class_colours_of(config.DATASET)
    images, label_maps = (_Grid(n_images, n_columns, stream.augment.crop) for _ in range(2))
    for place in range(n_images):
        image, label_map = (tensor.numpy() for tensor in stream[place])
        images.put(place, _with_alpha(_as_rgb(image, stream), np.full(label_map.shape, _OPAQUE, np.uint8)))
        alpha = np.where(label_map == stream.augment.ignore_label, 0, _OPAQUE).astype(np.uint8)
        label_maps.put(place, _with_alpha(colours[label_map], alpha))
        reporter.progress(place + 1, n_images, "image")
        if reporter.should_stop():
            raise Stopped
    make_folder(path.parent)
    with replace_file(path) as file:
        Image.fromarray(np.hstack([images.pixels, label_maps.pixels])).save(file, format="PNG")


class _Grid:
    """Squares in rows, on a transparent background."""

    def __init__(self, n_images: int, n_columns: int, side: int) -> None:
        self.n_columns = n_columns
        self.side = side
        self.step = side + _GAP
        n_rows = math.ceil(n_images / n_columns)
        self.pixels = np.zeros((n_rows * self.step + _GAP, n_columns * self.step + _GAP, 4), np.uint8)

    def put(self, place: int, square: NDArray[np.uint8]) -> None:
        """Put an (H, W, 4) square at its place, row by row from the top left."""
        row, column = divmod(place, self.n_columns)
        top, left = row * self.step + _GAP, column * self.step + _GAP
        self.pixels[top : top + self.side, left : left + self.side] = square


def _as_rgb(image: NDArray[np.float32], stream: TrainingStream) -> NDArray[np.uint8]:
    """Turn a model's input, (3, H, W) BGR minus mean, back into an (H, W, 3) RGB image."""
    bgr = image.transpose(1, 2, 0) + np.array(stream.augment.mean_bgr, np.float32)
    return np.clip(np.rint(bgr[..., ::-1]), 0, 255).astype(np.uint8)


def _with_alpha(rgb: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate((rgb, alpha[..., None]), axis=2)
