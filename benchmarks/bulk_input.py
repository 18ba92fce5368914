"""Folders of very many images, most of which are the same few files by other names."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import yaml
from PIL import Image

from deeplab.config import load_config
from deeplab.models.build import build_from_config

_IN_A_FOLDER = 5_000
_LINKS_OF_A_FILE = 30_000  # ext4 allows 65,000
_DRAWN = 8  # different images of a kind
_TINY, _PHOTO = (16, 16), (375, 500)  # height and width


def make_images(root: Path, n_tiny: int, n_jpegs: int) -> None:
    """Fill a folder with tiny images, in `tiny/`, and with JPEGs of the size of photographs, in `jpegs/`."""
    _link(root / "tiny", n_tiny, _TINY, ".png")
    _link(root / "jpegs", n_jpegs, _PHOTO, ".jpg")


def make_model(folder: Path) -> tuple[Path, Path]:
    """The configuration and the weights of a tiny, untrained model."""
    config, weights = folder / "config.yaml", folder / "weights.pth"
    model = {"NAME": "DeepLabV2_ResNet50", "N_BLOCKS": [1, 1, 1, 1], "ATROUS_RATES": [1, 2], "WIDTH": 4}
    config.write_text(yaml.safe_dump({"DATASET": {"N_CLASSES": 3}, "MODEL": model}))
    torch.manual_seed(0)
    torch.save(build_from_config(load_config(config)).state_dict(), weights)
    return config, weights


def _link(folder: Path, n_images: int, size: tuple[int, int], suffix: str) -> None:
    sources = _sources(folder, size, suffix)
    for first in range(0, n_images, _IN_A_FOLDER):
        here = folder / f"{first // _IN_A_FOLDER:04}"
        here.mkdir(parents=True)
        for number in range(first, min(first + _IN_A_FOLDER, n_images)):
            os.link(next(sources), here / f"{number:07}{suffix}")


def _sources(folder: Path, size: tuple[int, int], suffix: str) -> Iterator[Path]:
    """Files to link to, each so often as a file system allows; hidden, and so no images themselves."""
    random, number = np.random.default_rng(0), 0
    hidden = folder / ".drawn"
    hidden.mkdir(parents=True)
    while True:
        drawn = [hidden / f"{number + place}{suffix}" for place in range(_DRAWN)]
        for path in drawn:
            Image.fromarray(_draw(random, size)).save(path)
        number += _DRAWN
        yield from islice((path for _ in range(_LINKS_OF_A_FILE) for path in drawn), _DRAWN * _LINKS_OF_A_FILE)


def _draw(random: np.random.Generator, size: tuple[int, int]) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """Blurred noise, which compresses about as photographs do."""
    small = random.integers(0, 256, (max(size[0] // 8, 1), max(size[1] // 8, 1), 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((size[1], size[0]), Image.Resampling.BICUBIC))
