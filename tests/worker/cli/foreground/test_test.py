import json
from pathlib import Path

import numpy as np

from tests.worker.cli.conftest import Deeplab

SCORES = ["Pixel Accuracy", "Mean Accuracy", "Frequency Weighted IoU", "Mean IoU", "Class IoU"]


def test_test_and_crf_write_scores_as_the_original(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path
) -> None:
    ended = deeplab("test", *output, "-m", experiment / "weights.pth", "--cpu")
    assert ended.exit_code == 0, ended.output
    part = Path("shapes") / "deeplabv2_resnet50_msc" / "val"
    logits = np.load(tmp_path / "features" / part / "logit" / "val_0001.npy")
    assert logits.dtype == np.float32
    assert logits.shape == (6, 7, 7)
    scores = json.loads((tmp_path / "scores" / part / "scores.json").read_text())
    assert list(scores) == SCORES
    assert list(scores["Class IoU"]) == [str(index) for index in range(6)]
    assert f"Mean IoU {scores['Mean IoU']:.1%}" in ended.stdout
    assert "triangle" in ended.stdout
    assert "2/2 images" in ended.stderr

    refined = deeplab("crf", *output, "-j", 1, "--json")
    assert refined.exit_code == 0, refined.output
    assert json.loads(refined.stdout) == json.loads((tmp_path / "scores" / part / "scores_crf.json").read_text())
    assert list(json.loads(refined.stdout)) == SCORES


def test_test_of_another_split_without_logits(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path
) -> None:
    ended = deeplab("test", *output, "-m", experiment / "weights.pth", "-s", "train", "--no-logits", "--json")
    assert ended.exit_code == 0, ended.output
    assert list(json.loads(ended.stdout)) == SCORES
    assert [path.name for path in tmp_path.iterdir()] == ["scores"]
