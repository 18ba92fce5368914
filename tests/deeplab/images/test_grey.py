from pathlib import Path

import numpy as np
from PIL import Image

from deeplab.images.grey import write_grey


def test_levels_are_those_of_the_file(tmp_path: Path) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(8, 32)
    write_grey(tmp_path / "sub" / "a.png", levels)
    with Image.open(tmp_path / "sub" / "a.png") as image:
        assert image.mode == "L"
        assert np.array_equal(np.asarray(image), levels)
