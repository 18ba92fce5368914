"""A tiny experiment for the commands that run in the foreground."""

from pathlib import Path

import pytest
import yaml

from deeplab.datasets.drawn.dataset import draw_dataset
from tests.configs import tiny_model, write_weights


@pytest.fixture(scope="session")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn dataset with the configuration of a tiny model, and weights for it."""
    folder = tmp_path_factory.mktemp("experiment") / "shapes"
    draw_dataset(folder, n_train=2, n_val=2, n_unlabelled=2, size=48)
    keys = yaml.safe_load((folder / "config.yaml").read_text())
    keys["MODEL"] = tiny_model("DeepLabV2_ResNet50_MSC")
    keys["SOLVER"] |= {"ITER_MAX": 4, "ITER_SAVE": 2, "BATCH_SIZE": {"TRAIN": 2}, "LR": 1e-3}
    (folder / "tiny.yaml").write_text(yaml.safe_dump(keys))
    write_weights(folder / "tiny.yaml")
    return folder


@pytest.fixture
def output(experiment: Path, tmp_path: Path) -> list[str]:
    """Options that put the files of an experiment into the test's folder."""
    return ["-c", str(experiment / "tiny.yaml"), "--set", f"EXP.OUTPUT_DIR={tmp_path}"]
