from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.config import Config, parse_config
from deeplab.datasets.preview import write_preview
from deeplab.datasets.stream import open_training_stream
from deeplab.images.palette import palette
from deeplab.reporter import SilentReporter
from tests.deeplab.drawing import draw_folder

GAP = 10


def config(root: Path) -> Config:
    return parse_config(
        {"DATASET": {"N_CLASSES": 3, "ROOT": str(root), "SCALES": [0.5, 1]}, "IMAGE": {"SIZE": {"TRAIN": 30}}}, "test"
    )


def test_grid_shows_what_training_sees(tmp_path: Path) -> None:
    settings = config(draw_folder(tmp_path, height=40, width=48))
    write_preview(settings, tmp_path / "new/out.png", SilentReporter(), n_images=5, n_columns=3, seed=2)
    with Image.open(tmp_path / "new/out.png") as written:
        grid = np.asarray(written)
    assert grid.shape == (2 * (30 + GAP) + GAP, 2 * (3 * (30 + GAP) + GAP), 4)
    stream = open_training_stream(settings, "train", seed=2)
    mean = np.array((104.008, 116.669, 122.675))
    for place in range(5):
        image, label = stream[place]
        top, left = (each * (30 + GAP) + GAP for each in divmod(place, 3))
        window = np.s_[top : top + 30, left : left + 30]
        left_half, right_half = np.hsplit(grid, 2)
        rgb = (image.permute(1, 2, 0).numpy() + mean)[..., ::-1]
        assert np.abs(left_half[window][..., :3] - rgb).max() <= 0.501
        assert (left_half[window][..., 3] == 255).all()
        labels = label.numpy()
        assert np.array_equal(right_half[window][..., :3], palette(3)[labels])
        assert np.array_equal(right_half[window][..., 3], np.where(labels == 255, 0, 255))
    assert not grid[:GAP].any()
    assert not grid[30 + 2 * GAP :, 2 * (30 + GAP) + GAP : 3 * (30 + GAP)].any()  # the sixth place is empty


@pytest.mark.parametrize("n_images", [1, 4])
def test_few_images_make_a_small_grid(tmp_path: Path, n_images: int) -> None:
    write_preview(config(draw_folder(tmp_path)), tmp_path / "out.png", SilentReporter(), split="val", n_images=n_images)
    width = 2 * (n_images * (30 + GAP) + GAP)
    with Image.open(tmp_path / "out.png") as grid:
        assert grid.size == (width, 30 + 2 * GAP)
