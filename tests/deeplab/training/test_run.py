"""A step of training computes what the original's does."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch

from deeplab.config import parse_config
from deeplab.datasets.loading import Batch
from deeplab.distributed import ALONE, World
from deeplab.errors import ConfigError
from deeplab.training.losses import multi_scale_loss
from deeplab.training.run import TrainingRun, Validated
from tests.golden import GOLDEN
from tests.golden.fill import fill, image


def golden_run(case: dict[str, Any]) -> TrainingRun:
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
    run.model.load_state_dict(fill(run.model.state_dict()))
    return run


def golden_batches(case: dict[str, Any]) -> Iterator[Batch]:
    crop, size = case["crop"], case["batch"]
    for iteration in range(1, case["iters"] + 1):
        for k in range(case["iter_size"]):
            seed = case["seed"] + 10 * iteration + k
            labels = np.random.Generator(np.random.Philox(seed + 1000)).integers(
                0, case["n_classes"], (size, crop, crop)
            )
            labels[:, :5] = 255  # before cells are picked, so that a whole row of cells is ignored
            cells = labels[:, ::8, ::8].repeat(8, axis=1).repeat(8, axis=2)
            yield image(crop, crop, seed, size), torch.from_numpy(cells[:, :crop, :crop].copy())


@pytest.mark.slow
def test_the_originals_training_run() -> None:
    case = json.loads((GOLDEN / "train.json").read_text())
    run = golden_run(case)

    images, labels = next(golden_batches(case))
    with torch.no_grad():
        first = [float(multi_scale_loss([logits], labels, 255)) for logits in run.model(images)]
    assert first == pytest.approx(case["first_losses"], rel=1e-5)

    batches = golden_batches(case)
    losses, rates = [], []
    for _ in range(case["iters"]):
        run.step(list(islice(batches, case["iter_size"])))
        losses.append(float(run.losses[-1]))
        rates.append(run.learning_rates())

    assert losses[:5] == pytest.approx(case["losses"][:5], rel=1e-4)
    assert losses == pytest.approx(case["losses"], rel=1e-2)
    assert rates == case["lrs_after_step"]
    state = run.model.state_dict()
    for key, (total, absolute) in case["param_sum_and_abs_sum"].items():
        assert float(state[key].double().sum()) == pytest.approx(total, abs=1e-5 * absolute), key
        assert float(state[key].double().abs().sum()) == pytest.approx(absolute, rel=1e-5), key


def build(*overrides: str, device: str = "cpu", world: World = ALONE) -> TrainingRun:
    sections = {"DATASET": {"N_CLASSES": 3}, "MODEL": {"N_BLOCKS": [1, 1, 1, 1], "WIDTH": 4}}
    return TrainingRun(parse_config(sections, "test", overrides), torch.device(device), seed=0, world=world)


def random_batches(n: int) -> Iterator[Batch]:
    generator = torch.Generator().manual_seed(0)
    for _ in range(n):
        yield torch.randn(2, 3, 33, 33, generator=generator), torch.randint(0, 3, (2, 33, 33), generator=generator)


@pytest.mark.parametrize(("split", "best"), [("val", Validated(1, 0.5)), ("another", None)])
def test_a_resumed_run_keeps_the_best_score_of_the_same_split(split: str, best: Validated | None) -> None:
    run = build()
    for iteration, mean_iou in ((1, 0.5), (2, 0.25)):
        run.iteration = iteration
        run.record_validation(mean_iou)
    resumed = build(f"DATASET.SPLIT.VAL={split}")

    resumed.restore(run.checkpoint())

    assert resumed.best == best
    assert resumed.validated == (best and Validated(2, 0.25))


@pytest.mark.parametrize("name", ["DeepLabV2_ResNet50_MSC", "DeepLabV3_ResNet50", "DeepLabV3Plus_ResNet50_MSC"])
@pytest.mark.parametrize("frozen", [True, False])
def test_what_the_protocol_does_not_train_gets_no_gradient(name: str, frozen: bool) -> None:
    run = build(f"MODEL.NAME={name}", f"SOLVER.FREEZE_BN={frozen}")

    run.step(list(random_batches(2)))

    without = {name for name, parameter in run.model.named_parameters() if parameter.grad is None}
    assert without == {name for name, _ in run.model.named_parameters() if frozen and ".bn." in name}


def test_several_processes_do_not_train_batch_norm_on_the_cpu() -> None:
    with pytest.raises(ConfigError) as caught:
        build("SOLVER.FREEZE_BN=false", world=World(rank=0, size=2))
    assert str(caught.value) == (
        "Several processes can train batch norm on GPUs only (torch's SyncBatchNorm); start one process,"
        " or set SOLVER.FREEZE_BN=true."
    )


@pytest.mark.compiler
@pytest.mark.slow
@pytest.mark.timeout(900)  # compiling forward and backward pass takes minutes on a small machine
def test_a_compiled_model_trains_alike() -> None:
    losses = []
    for compiled in (False, True):
        run = build("MODEL.NAME=DeepLabV1_ResNet50", f"RUNTIME.COMPILE={compiled}")
        batches = random_batches(6)
        for _ in range(3):
            run.step(list(islice(batches, 2)))
        losses.append([float(loss) for loss in run.losses])
        assert not any("_orig_mod" in key for key in run.checkpoint().model)
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_an_iteration_does_not_wait_for_the_gpu(precision: str) -> None:
    run = build(f"RUNTIME.PRECISION={precision}", "RUNTIME.CHANNELS_LAST=true", device="cuda")
    run.step(list(random_batches(2)))  # the first one fills caches
    batches = [(images.pin_memory(), labels.pin_memory()) for images, labels in random_batches(2)]

    torch.cuda.set_sync_debug_mode("error")
    try:
        run.step(batches)
    finally:
        torch.cuda.set_sync_debug_mode("default")

    assert run.average_loss() > 0
