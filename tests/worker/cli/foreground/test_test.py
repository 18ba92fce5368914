import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.images.masks import read_mask
from deeplab.images.palette import palette
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


def test_boundaries_and_confidence_on_demand(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path
) -> None:
    options = ["--no-logits", "--cpu", "--boundary-iou", "--confidence", tmp_path / "confidence"]
    ended = deeplab("test", *output, "-m", experiment / "weights.pth", *options)
    assert ended.exit_code == 0, ended.output
    part = Path("shapes") / "deeplabv2_resnet50_msc" / "val"
    scores = json.loads((tmp_path / "scores" / part / "scores.json").read_text())
    added = ["Image Mean IoU", "Worst Tenth IoU", "Boundary IoU"]
    assert list(scores) == [*SCORES[:-1], *added, "Class IoU", "Class Boundary IoU"]
    assert "BOUNDARY IOU" in ended.stdout
    assert f"boundary IoU {scores['Boundary IoU']:.1%} over 2 images" in ended.stdout
    with Image.open(tmp_path / "confidence" / "val_0000.png") as confidence:
        assert confidence.mode == "L"


def test_masks_of_a_split_are_written_as_the_voc_server_wants_them(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path
) -> None:
    command = ["test", *output, "-m", experiment / "weights.pth", "--no-logits", "--cpu", "--masks", tmp_path / "masks"]
    ended = deeplab(*command)
    assert ended.exit_code == 0, ended.output
    assert "Mean IoU" in ended.stdout
    assert ended.stdout.splitlines()[-1] == f"Masks: {tmp_path / 'masks'}"
    assert sorted(path.name for path in (tmp_path / "masks").iterdir()) == ["val_0000.png", "val_0001.png"]
    with Image.open(tmp_path / "masks" / "val_0000.png") as mask:
        assert mask.mode == "P"
        assert mask.getpalette()[:768] == palette().flatten().tolist()  # type: ignore[index]
    segmented = deeplab("segment", *output, "-m", experiment / "weights.pth", experiment / "images", tmp_path / "out")
    assert segmented.exit_code == 0, segmented.output
    ours = read_mask(tmp_path / "masks" / "val_0000.png")
    assert np.array_equal(read_mask(next((tmp_path / "out").rglob("val_0000.*.png"))), ours)


@pytest.mark.parametrize("folder_is_there", [True, False])
def test_a_split_without_ground_truth_is_labelled_and_not_scored(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path, folder_is_there: bool
) -> None:
    root = tmp_path / "root"
    shutil.copytree(experiment / "images", root / "images")
    if folder_is_there:
        shutil.copytree(experiment / "masks", root / "masks")
        for path in root.glob("masks/**/val_*"):
            path.unlink()
    (root / "test.txt").write_text("val_0001\nval_0000\n")
    command = ["test", *output, "--set", f"DATASET.ROOT={root}", "-m", experiment / "weights.pth", "-s", "test"]
    ended = deeplab(*command, "--masks", tmp_path / "masks")
    assert ended.exit_code == 0, ended.output
    assert ended.stdout == (
        f"No scores: the split 'test' has no ground truth.\nMasks of 2 images: {tmp_path / 'masks'}\n"
    )
    assert sorted(path.name for path in (tmp_path / "masks").iterdir()) == ["val_0000.png", "val_0001.png"]
    assert not (tmp_path / "scores").exists()
    as_json = deeplab(*command, "--masks", tmp_path / "masks", "--json")
    assert json.loads(as_json.stdout) == {"masks": str(tmp_path / "masks"), "n_images": 2}
    without = deeplab(*command)
    assert without.exit_code == 1
    assert "masks: " in without.stderr
    (root / "test.txt").write_text("val_0001\ngone\n")
    missing = deeplab(*command, "--masks", tmp_path / "masks")
    assert missing.exit_code == 1
    assert "images: 1 of 2 files of the split 'test' are missing: gone" in missing.stderr


def test_options_of_inference_are_configuration_keys(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path
) -> None:
    command = ["test", *output, "-m", experiment / "weights.pth", "--cpu", "--no-logits", "--json"]
    looks = ("--mode", "slide", "--window", 32, "--scales", "0.5,1", "--flip")
    keys = ("INFERENCE.MODE=slide", "INFERENCE.WINDOW=32", "INFERENCE.SCALES=[0.5,1]", "INFERENCE.FLIP=true")
    by_options = deeplab(*command, *looks)
    by_keys = deeplab(*command, *(word for key in keys for word in ("--set", key)))
    assert by_options.exit_code == by_keys.exit_code == 0, by_options.output
    assert json.loads(by_options.stdout) == json.loads(by_keys.stdout)
    assert json.loads(by_options.stdout) != json.loads(deeplab(*command).stdout)
