import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deeplab.config import Config, parse_config
from deeplab.datasets import SplitDataset, build_dataset
from deeplab.datasets.stream import TrainingStream
from deeplab.errors import ConfigError, DatasetError
from tests.deeplab.drawing import draw_folder


def config(**dataset: Any) -> Config:
    return parse_config({"DATASET": {"N_CLASSES": 3, **dataset}, "IMAGE": {"SIZE": {"TRAIN": 16}}}, "test")


def test_for_evaluation_pairs_for_training_a_stream(tmp_path: Path) -> None:
    settings = config(ROOT=str(draw_folder(tmp_path)))

    pairs = build_dataset(settings, "val", train=False)
    stream = build_dataset(settings, "train", train=True, seed=4)

    assert isinstance(pairs, SplitDataset)
    assert len(pairs) == 6
    assert isinstance(stream, TrainingStream)
    assert stream.seed == 4
    assert stream[0][0].shape == (3, 16, 16)


def test_the_root_must_be_named() -> None:
    with pytest.raises(ConfigError, match=r"DATASET\.ROOT is empty"):
        build_dataset(config(), "val", train=False)


def test_labels_must_name_the_classes(tmp_path: Path) -> None:
    root = draw_folder(tmp_path)
    (root / "labels.txt").write_text("0\ta\n1\tb\n")
    with pytest.raises(DatasetError, match=r"the file names 2 classes, but DATASET\.N_CLASSES is 3"):
        build_dataset(config(ROOT=str(root), LABELS=str(root / "labels.txt")), "val", train=False)


def test_reading_does_not_need_torch() -> None:
    code = "import sys, deeplab.datasets, deeplab.datasets.check; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
