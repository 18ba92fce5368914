"""What the tests of `deeplab dataset` share."""

from pathlib import Path

import pytest

from tests.configs import write_config
from tests.deeplab.drawing import draw_folder


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The configuration of a drawn dataset of six images, whose splits are the same."""
    root = draw_folder(tmp_path / "drawn")
    (root / "labels.txt").write_text("0\tground\n1\tbox\n2\tlid\n")
    dataset = {"N_CLASSES": 3, "ROOT": str(root), "LABELS": str(root / "labels.txt")}
    return write_config(tmp_path, DATASET=dataset, IMAGE={"SIZE": {"TRAIN": 30}})
