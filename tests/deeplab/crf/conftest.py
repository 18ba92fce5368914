"""A split of noise images, each with coarse logits of its own."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.config import Config, parse_config

N_IMAGES, N_CLASSES = 3, 4


@pytest.fixture
def config(tmp_path: Path) -> Config:
    rng = np.random.default_rng(0)
    for folder in ("images", "masks", "logits"):
        (tmp_path / folder / "sub").mkdir(parents=True)
    ids = [f"sub/{number}" for number in range(N_IMAGES)]
    (tmp_path / "val.txt").write_text("\n".join(ids))
    for each in ids:
        Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8)).save(tmp_path / "images" / f"{each}.png")
        Image.fromarray(rng.integers(0, N_CLASSES, (24, 32), np.uint8)).save(tmp_path / "masks" / f"{each}.png")
        np.save(tmp_path / "logits" / f"{each}.npy", rng.normal(0, 2, (N_CLASSES, 4, 5)).astype(np.float16))
    return parse_config({"DATASET": {"ROOT": str(tmp_path), "N_CLASSES": N_CLASSES}}, "test")
