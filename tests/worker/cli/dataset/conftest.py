"""What the tests of `deeplab dataset` share."""

from pathlib import Path

import pytest
import yaml

from tests.deeplab.drawing import draw_folder


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The configuration of a drawn dataset of six images, whose splits are the same."""
    root = draw_folder(tmp_path / "drawn")
    (root / "labels.txt").write_text("0\tground\n1\tbox\n2\tlid\n")
    path = tmp_path / "config.yaml"
    dataset = {"N_CLASSES": 3, "ROOT": str(root), "LABELS": str(root / "labels.txt")}
    path.write_text(yaml.safe_dump({"DATASET": dataset, "IMAGE": {"SIZE": {"TRAIN": 30}}}))
    return path
