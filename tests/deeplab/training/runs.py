"""Trainings of a tiny model for six iterations, and what they leave."""

from pathlib import Path
from typing import Any

import torch

from deeplab.config import Config, parse_config
from deeplab.reporter import SilentReporter
from deeplab.training.checkpoint import Checkpoint, load_checkpoint
from deeplab.training.train import train
from tests.configs import tiny_model
from tests.reporters import Recorder

TINY: dict[str, Any] = {
    "DATASET": {"N_CLASSES": 3},
    "IMAGE": {"SIZE": {"TRAIN": 33}},
    "MODEL": tiny_model("DeepLabV2_ResNet50_MSC", ATROUS_RATES=[6, 12, 18, 24], BN_MOMENTUM=0.1),
    "SOLVER": {
        "BATCH_SIZE": {"TRAIN": 2},
        "ITER_MAX": 6,
        "ITER_SAVE": 2,
        "ITER_TB": 3,
        "LR": 1e-3,
        "LR_DECAY": 2,
        "AVERAGE_LOSS": 2,
        "FREEZE_BN": False,
    },
}


def configure(root: Path, *overrides: str) -> Config:
    return parse_config(TINY, "test", [f"DATASET.ROOT={root}", *overrides])


class TrainingRecorder(Recorder):
    """Also makes sure that a checkpoint can be loaded when it is reported."""

    def checkpoint(self, path: Path, iteration: int, *, is_best: bool) -> None:
        assert load_checkpoint(path).iteration == iteration
        super().checkpoint(path, iteration, is_best=is_best)


def run(config: Config, output: Path, **options: Any) -> Checkpoint:
    return load_checkpoint(train(config, output, SilentReporter(), device="cpu", **options).checkpoint)


def same(one: Any, other: Any) -> bool:
    """Whether two nests of dicts, lists, tensors and numbers are equal, bit by bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def assert_same_state(one: Checkpoint, other: Checkpoint) -> None:
    assert one.iteration == other.iteration
    assert one.losses == other.losses
    for part in ("model", "optimizer", "schedule", "rng", "validated", "best", "n_since_best", "class_weights"):
        assert same(getattr(one, part), getattr(other, part)), part
