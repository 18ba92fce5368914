"""A picture of what training sees: augmented images beside their labels."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from deeplab.config import Config
from deeplab.datasets.stream import TrainingStream, open_training_stream
from deeplab.files import make_folder, replace_file
from deeplab.images.palette import palette
from deeplab.reporter import Reporter, Stopped

_GAP = 10  # pixels between two images; the original leaves 50
_OPAQUE = 255


def preview(
    config: Config,
    path: Path,
    reporter: Reporter,
    *,
    split: str | None = None,
    n_images: int = 100,
    n_columns: int = 10,
    seed: int = 0,
) -> None:
    """Write a PNG with a grid of augmented images on the left and the grid of their labels on the right.

    Labels have VOC's colours; pixels with IGNORE_LABEL, and what lies between the images, are transparent.

    Args:
        config: DATASET and IMAGE are read.
        path: of the PNG; missing folders are made.
        reporter: hears of each image.
        split: name of the split; None: DATASET.SPLIT.TRAIN.
        n_images: how many samples; the first that a training run with this seed would see.
        n_columns: images per row.
        seed: of the order and the augmentation.

    Raises:
        DeepLabError: if the data set cannot be read or the file cannot be written.
        Stopped: if the reporter asked for it; nothing is written.
    """
    stream = open_training_stream(config, split or config.DATASET.SPLIT.TRAIN, seed)
    n_columns = min(n_columns, n_images)
    colours = palette(config.DATASET.N_CLASSES)
    grids = [_Grid(n_images, n_columns, stream.augment.crop) for _ in ("images", "labels")]
    for place in range(n_images):
        image, label = stream[place]
        grids[0].put(place, _with_alpha(_photograph(image, stream), np.full(label.shape, _OPAQUE, np.uint8)))
        shown = np.where(label.numpy() == stream.augment.ignore_label, 0, _OPAQUE).astype(np.uint8)
        grids[1].put(place, _with_alpha(colours[label.numpy()], shown))
        reporter.progress(place + 1, n_images, "image")
        if reporter.should_stop():
            raise Stopped
    make_folder(path.parent)
    with replace_file(path) as file:
        Image.fromarray(np.hstack([grid.pixels for grid in grids])).save(file, format="PNG")


class _Grid:
    """Squares in rows, on a transparent ground."""

    def __init__(self, n_images: int, n_columns: int, side: int) -> None:
        self.n_columns = n_columns
        self.side = side
        self.step = side + _GAP
        n_rows = math.ceil(n_images / n_columns)
        self.pixels = np.zeros((n_rows * self.step + _GAP, n_columns * self.step + _GAP, 4), np.uint8)

    def put(self, place: int, square: NDArray[np.uint8]) -> None:
        """Lay an (H, W, 4) square at its place, row by row from the top left."""
        row, column = divmod(place, self.n_columns)
        top, left = row * self.step + _GAP, column * self.step + _GAP
        self.pixels[top : top + self.side, left : left + self.side] = square


def _photograph(image: Tensor, stream: TrainingStream) -> NDArray[np.uint8]:
    """Undo what makes an image the network's input: (3, H, W) BGR minus mean becomes (H, W, 3) RGB."""
    bgr: NDArray[np.float32] = image.permute(1, 2, 0).numpy() + np.array(stream.augment.mean_bgr, np.float32)
    return np.clip(np.rint(bgr[..., ::-1]), 0, 255).astype(np.uint8)


def _with_alpha(rgb: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate((rgb, alpha[..., None]), axis=2)
