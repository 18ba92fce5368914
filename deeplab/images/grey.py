"""Write grey images. Torch-free."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab.files import make_folder, replace_file


def write_grey(path: Path, levels: NDArray[np.uint8]) -> None:
    """Write an 8-bit grey PNG: whole or not at all, flushed to disk. Makes missing folders.

    Args:
        path: usually `*.png`; the content is PNG whatever the name.
        levels: (H, W) uint8.

    Raises:
        OutputError: if the file cannot be written.
    """
    make_folder(path.parent)
    with replace_file(path) as file:
        Image.fromarray(levels).save(file, format="PNG")
