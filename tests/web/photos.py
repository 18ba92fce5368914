"""A folder of photos with odd names, one of them broken, and what a segmentation of it leaves."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab.images.masks import write_mask
from deeplab.inference.manifest import Row
from deeplab.inference.output import mask_path
from tests.web.scenes import LABELS_FILE, draw_mask, paint

ODD_NAMES = ('a dog\'s "Käfig" & <b>.png', "deep/er/1.png", os.fsdecode(b"latin-\xe9.png"))
BROKEN = "broken.jpg"
_BROKEN_SENTENCE = f"{BROKEN}: is not an image in a supported format (JPEG, PNG, BMP, TIFF, WebP, GIF and others)."

Masks = Mapping[str, NDArray[np.uint8]]  # by the name of their photo


def make_photos(folder: Path) -> Masks:
    """Paint a folder of photos, the broken one among them, and return the masks of the others."""
    masks = {name: draw_mask(seed) for seed, name in enumerate([*ODD_NAMES, "000.jpg", "001.jpg"])}
    for seed, (name, mask) in enumerate(masks.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(paint(mask, seed)).save(path)
    (folder / BROKEN).write_text("This is no image.")
    return masks


def segment(masks: Masks, output: Path) -> list[Row]:
    """Write the mask of every photo, as the folder pipeline does, and return the manifest's rows."""
    rows = [Row(BROKEN, None, None, "error", _BROKEN_SENTENCE, 0.001, {})]
    for name, mask in masks.items():
        write_mask(mask_path(output, name), mask)
        pixels = {index: int(count) for index, count in enumerate(np.bincount(mask.ravel())) if count}
        rows.append(Row(name, mask.shape[1], mask.shape[0], "ok", "", 0.031, pixels))
    output.mkdir(parents=True, exist_ok=True)
    (output / "labels.txt").write_text(LABELS_FILE)
    return sorted(rows, key=lambda row: row.path)
