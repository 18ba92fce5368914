"""A step of training computes what the original's does."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from deeplab.config import parse_config
from deeplab.datasets.loading import Batch
from deeplab.losses import multi_scale_loss
from deeplab.training_run import TrainingRun, Validated


def golden_run(case: dict[str, Any], recipe: ModuleType) -> TrainingRun:
    solver = {
        "ITER_MAX": case["iter_max"],
        "ITER_SIZE": case["iter_size"],
        "LR": case["lr"],
        "LR_DECAY": case["lr_decay"],
        "MOMENTUM": case["momentum"],
        "POLY_POWER": case["power"],
        "WEIGHT_DECAY": case["weight_decay"],
    }
    sections = {"DATASET": {"N_CLASSES": case["n_classes"]}, "MODEL": {"N_BLOCKS": [1, 1, 1, 1]}, "SOLVER": solver}
    run = TrainingRun(parse_config(sections, "golden"), torch.device("cpu"), seed=0)
    run.model.load_state_dict(recipe.fill(run.model.state_dict()))
    return run


def golden_batches(case: dict[str, Any], recipe: ModuleType) -> Iterator[Batch]:
    crop, size = case["crop"], case["batch"]
    for iteration in range(1, case["iters"] + 1):
        for k in range(case["iter_size"]):
            seed = case["seed"] + 10 * iteration + k
            labels = np.random.Generator(np.random.Philox(seed + 1000)).integers(
                0, case["n_classes"], (size, crop, crop)
            )
            labels[:, :5] = 255  # before cells are picked, so that a whole row of cells is ignored
            cells = labels[:, ::8, ::8].repeat(8, axis=1).repeat(8, axis=2)
            yield recipe.image(crop, crop, seed, size), torch.from_numpy(cells[:, :crop, :crop].copy())


@pytest.mark.slow
def test_the_originals_training_run(golden: Path, recipe: ModuleType) -> None:
    case = json.loads((golden / "train.json").read_text())
    run = golden_run(case, recipe)

    images, labels = next(golden_batches(case, recipe))
    with torch.no_grad():
        first = [float(multi_scale_loss([logits], labels, 255)) for logits in run.model(images)]
    assert first == pytest.approx(case["first_losses"], rel=1e-5)

    batches = golden_batches(case, recipe)
    losses, rates = [], []
    for _ in range(case["iters"]):
        run.step(batches)
        losses.append(float(run.losses[-1]))
        rates.append(run.learning_rates())

    assert losses[:5] == pytest.approx(case["losses"][:5], rel=1e-4)
    assert losses == pytest.approx(case["losses"], rel=1e-2)
    assert rates == case["lrs_after_step"]
    state = run.model.state_dict()
    for key, (total, absolute) in case["param_sum_and_abs_sum"].items():
        assert float(state[key].double().sum()) == pytest.approx(total, abs=1e-5 * absolute), key
        assert float(state[key].double().abs().sum()) == pytest.approx(absolute, rel=1e-5), key


def build(*overrides: str) -> TrainingRun:
    sections = {"DATASET": {"N_CLASSES": 3}, "MODEL": {"N_BLOCKS": [1, 1, 1, 1], "WIDTH": 4}}
    return TrainingRun(parse_config(sections, "test", overrides), torch.device("cpu"), seed=0)


@pytest.mark.parametrize(("split", "best"), [("val", Validated(1, 0.5)), ("another", None)])
def test_the_best_score_goes_on_where_it_compares(split: str, best: Validated | None) -> None:
    run = build()
    for run.iteration, mean_iou in ((1, 0.5), (2, 0.25)):
        run.note_validation(mean_iou)
    resumed = build(f"DATASET.SPLIT.VAL={split}")

    resumed.restore(run.checkpoint())

    assert resumed.best == best
    assert resumed.validated == (best and Validated(2, 0.25))


def test_what_the_protocol_does_not_train_gets_no_gradient() -> None:
    run = build()

    run.step(iter([(torch.randn(1, 3, 33, 33), torch.zeros(1, 33, 33, dtype=torch.uint8))] * 2))

    without = {name for name, parameter in run.model.named_parameters() if parameter.grad is None}
    assert without == {name for name, _ in run.model.named_parameters() if ".bn." in name}
