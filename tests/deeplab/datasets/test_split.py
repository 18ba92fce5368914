import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deeplab.config import Config, parse_config
from deeplab.datasets.split import open_split
from deeplab.datasets.stream import open_training_stream
from deeplab.errors import ConfigError, DatasetError
from tests.deeplab.drawing import draw_folder


def config(**dataset: Any) -> Config:
    return parse_config({"DATASET": {"N_CLASSES": 3, **dataset}, "IMAGE": {"SIZE": {"TRAIN": 16}}}, "test")


def test_a_split_is_opened_to_read_and_to_train_on(tmp_path: Path) -> None:
    settings = config(ROOT=str(draw_folder(tmp_path)))

    dataset = open_split(settings, "val")
    stream = open_training_stream(settings, "train", seed=4)

    assert len(dataset) == 6
    assert dataset[0].image.shape == (40, 48, 3)
    assert stream.seed == 4
    assert stream[0][0].shape == (3, 16, 16)


def test_the_root_must_be_named() -> None:
    with pytest.raises(ConfigError, match=r"DATASET\.ROOT is empty"):
        open_split(config(), "val")


def test_labels_must_name_the_classes(tmp_path: Path) -> None:
    root = draw_folder(tmp_path)
    (root / "labels.txt").write_text("0\ta\n1\tb\n")
    with pytest.raises(DatasetError, match=r"the file names 2 classes, but DATASET\.N_CLASSES is 3"):
        open_split(config(ROOT=str(root), LABELS=str(root / "labels.txt")), "val")


def test_reading_does_not_need_torch() -> None:
    code = "import sys, deeplab.datasets.split, deeplab.datasets.checking.check; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
