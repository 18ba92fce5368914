"""A dataset of textured shapes on cluttered backgrounds, drawn from a seed. Torch-free."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab.datasets.class_names import save_class_names
from deeplab.datasets.drawn.shapes import CLASS_NAMES, draw_scene
from deeplab.errors import OutputError
from deeplab.files import make_folder, printable, real_path, replace_file, write_text
from deeplab.images.masks import write_mask

_PARTS = ("train", "val", "unlabelled")


def draw_dataset(
    directory: Path,
    *,
    n_train: int = 240,
    n_val: int = 40,
    n_unlabelled: int = 12,
    size: int = 128,
    seed: int = 0,
) -> None:
    """Draw a dataset with everything that training, evaluation and segmentation need.

    The folder gets images/ and masks/ with the lists train.txt and val.txt, labels.txt, unlabelled/ with larger images
    to segment, and config.yaml for a small model that learns the shapes in about a minute on two cores.

    Args:
        directory: a new or empty folder.
        n_train: images in the split train.
        n_val: images in the split val.
        n_unlabelled: images without masks.
        size: side of the images with masks, pixels, at least 32.
        seed: equal seeds and sizes draw equal pixels.

    Raises:
        OutputError: if the folder is not empty or cannot be written.
    """
    if size < 32 or min(n_train, n_val) < 1 or n_unlabelled < 0:
        raise ValueError("images need 32 pixels or more, and each split at least one image")
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise OutputError(f"{printable(directory)}: is not empty; the dataset needs a new or empty folder.")
    make_folder(directory / "images")
    _draw_split(directory, "train", n_train, size, seed)
    _draw_split(directory, "val", n_val, size, seed)
    make_folder(directory / "unlabelled")
    for number in range(n_unlabelled):
        scene = draw_scene(2 * size, size * 3 // 2, size, _generator(seed, "unlabelled", number))
        _save_image(directory / "unlabelled" / f"scene_{number:02d}.png", scene.image)
    save_class_names(directory / "labels.txt", CLASS_NAMES)
    write_text(directory / "config.yaml", _config(real_path(directory), size))


def _draw_split(directory: Path, split: str, n_images: int, size: int, seed: int) -> None:
    ids = [f"{split}_{number:04d}" for number in range(n_images)]
    for number, each in enumerate(ids):
        scene = draw_scene(size, size, size, _generator(seed, split, number))
        _save_image(directory / "images" / f"{each}.png", scene.image)
        write_mask(directory / "masks" / f"{each}.png", scene.label_map)
    write_text(directory / f"{split}.txt", "".join(f"{each}\n" for each in ids))


def _generator(seed: int, part: str, number: int) -> np.random.Generator:
    """Random numbers for one image, independent of what was drawn before it."""
    return np.random.default_rng((seed, _PARTS.index(part), number))


def _save_image(path: Path, pixels: NDArray[np.uint8]) -> None:
    with replace_file(path) as file:
        Image.fromarray(pixels).save(file, format="PNG")


def _config(directory: Path, size: int) -> str:
    """Write the configuration of a model that is small enough to train on a CPU."""
    return f"""\
# DeepLab v3+, a sixteenth of the usual size, for the drawn shapes beside this file.
EXP:
    ID: shapes
    OUTPUT_DIR: {_quoted(directory / "output")}

DATASET:
    NAME: folder
    ROOT: {_quoted(directory)}
    LABELS: {_quoted(directory / "labels.txt")}
    N_CLASSES: {len(CLASS_NAMES)}
    SCALES: [0.75, 1.0, 1.25]
    SPLIT:
        TRAIN: train
        VAL: val

IMAGE:
    SIZE:
        TRAIN: {size * 3 // 4}
        TEST: {2 * size}

MODEL:
    NAME: DeepLabV3Plus_ResNet50
    N_BLOCKS: [1, 1, 1, 1]
    ATROUS_RATES: [1, 2, 3]
    WIDTH: 16
    BN_MOMENTUM: 0.1

SOLVER:
    OPTIMIZER: adamw
    LR: 1.0e-3
    BATCH_SIZE:
        TRAIN: 8
        TEST: 8
    ITER_MAX: 500
    ITER_SIZE: 1
    ITER_SAVE: 100
    ITER_TB: 10
    FREEZE_BN: false # random weights come without batch statistics to keep
"""


def _quoted(path: Path) -> str:
    """Quote a path for YAML, whatever characters it has."""
    return json.dumps(str(path))
