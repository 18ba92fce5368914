"""What a training says before its first iteration."""

from pathlib import Path

import pytest
import torch

from deeplab.config import parse_config
from deeplab.models.build import build_from_config
from tests.deeplab.training.runs import TINY, configure, run


def test_it_says_where_it_runs_and_what_it_starts_from(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "deeplab")
    weights = tmp_path / "five.pth"
    torch.save(build_from_config(configure(root, "DATASET.N_CLASSES=5")).state_dict(), weights)

    run(configure(root, f"MODEL.INIT_MODEL={weights}", "SOLVER.ITER_MAX=1"), tmp_path / "out")

    n_images = len((root / "train.txt").read_text().split())
    assert caplog.messages[:5] == [
        "Device: cpu.",
        f"Dataset: folder train, {n_images} images in {root}.",
        "Model: DeepLabV2_ResNet50_MSC with 3 classes.",
        f"Initial weights: {weights}; 8 of 93 tensors stay random (base.aspp.c0.weight, base.aspp.c0.bias,"
        " base.aspp.c1.weight, base.aspp.c1.bias, base.aspp.c2.weight and 3 more).",
        f"Checkpoints: {tmp_path / 'out'}",
    ]


@pytest.mark.parametrize(("frozen", "advises"), [("true", True), ("false", False)])
def test_random_weights(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, frozen: str, advises: bool
) -> None:
    caplog.set_level("INFO", "deeplab")
    run(configure(root, f"SOLVER.FREEZE_BN={frozen}", "SOLVER.ITER_MAX=1"), tmp_path)
    (line,) = (each for each in caplog.messages if each.startswith("Initial weights: none; all tensors are random."))
    assert ("see --train-bn" in line) == advises


@pytest.mark.parametrize(
    ("name", "overrides", "momentum"),
    [
        ("DeepLabV3_ResNet50", [], 0.1),
        ("DeepLabV3Plus_ResNet50_MSC", [], 0.1),
        ("DeepLabV3_ResNet50", ["MODEL.BN_MOMENTUM=0.9997"], 0.9997),
        ("DeepLabV3_ResNet50", ["SOLVER.FREEZE_BN=true"], 0.9997),
        ("DeepLabV2_ResNet50", [], 0.001),
    ],
)
def test_the_momentum_of_batch_norm_that_is_trained(name: str, overrides: list[str], momentum: float) -> None:
    section = {"NAME": name, "N_BLOCKS": [1, 1, 1, 1], "WIDTH": 4}
    config = parse_config({**TINY, "MODEL": section}, "test", overrides)
    norms = [each for each in build_from_config(config).modules() if isinstance(each, torch.nn.BatchNorm2d)]
    assert {each.momentum for each in norms} == {momentum}
