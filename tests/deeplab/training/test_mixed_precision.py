"""The precision of training, on a CPU: bf16 and fp16 work there too."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from deeplab.config import Config, parse_config
from deeplab.datasets.loading import Batch
from deeplab.errors import DeepLabError
from deeplab.models.build import build_from_config
from deeplab.reporter import SilentReporter
from deeplab.training.run import TrainingRun
from deeplab.training.train import train
from tests.deeplab.drawing import draw_folder
from tests.deeplab.training.runs import TINY, assert_same_state, configure, run

CPU = torch.device("cpu")
TOO_LARGE = {
    "scale": 2.0**100,
    "growth_factor": 2.0,
    "backoff_factor": 0.5,
    "growth_interval": 2000,
    "_growth_tracker": 0,
}


def settings(*overrides: str) -> Config:
    return parse_config(TINY, "test", [*overrides, "SOLVER.ITER_SIZE=1", "SOLVER.LR=1e-4"])


def batches() -> Iterator[Batch]:
    generator = torch.Generator().manual_seed(0)
    while True:
        yield torch.randn(2, 3, 33, 33, generator=generator), torch.randint(0, 3, (2, 33, 33), generator=generator)


def losses(n_steps: int, *overrides: str) -> list[float]:
    training, source = TrainingRun(settings("SOLVER.AVERAGE_LOSS=9", *overrides), CPU, seed=0), batches()
    for _ in range(n_steps):
        training.step([next(source)])
    assert all(value.dtype == torch.float32 for value in training.model.parameters())
    return [float(loss) for loss in training.losses]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_the_bits_compute_about_the_same(precision: str) -> None:
    full, half = losses(3), losses(3, f"RUNTIME.PRECISION={precision}", "RUNTIME.CHANNELS_LAST=true")
    assert half != full
    assert half == pytest.approx(full, rel=0.03)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_steps_whose_gradients_overflow_are_left_out_until_the_scale_fits(optimizer: str) -> None:
    training = TrainingRun(settings("RUNTIME.PRECISION=fp16", f"SOLVER.OPTIMIZER={optimizer}"), CPU, seed=0)
    training.precision.load_state_dict(TOO_LARGE)
    before = [value.clone() for value in training.model.parameters() if value.requires_grad]
    source = batches()

    training.step([next(source)])

    trained = [value for value in training.model.parameters() if value.requires_grad]
    assert all(map(torch.equal, before, trained))
    assert training.precision.state_dict()["scale"] == 2.0**99
    assert training.average_loss() > 0
    training.precision.load_state_dict({**TOO_LARGE, "scale": 2.0**8})
    training.step([next(source)])
    assert not any(map(torch.equal, before, trained))


def test_a_loss_that_overflows_counts_only_if_it_does_so_again_and_again() -> None:
    training = TrainingRun(settings("RUNTIME.PRECISION=fp16"), CPU, seed=0)
    training.losses.extend(torch.tensor(loss) for loss in (3.0, float("nan")))
    training.iteration = 100
    training.require_finite_loss()
    assert training.average_loss() == 3.0
    training.precision.load_state_dict({**TOO_LARGE, "scale": 0.5})
    with pytest.raises(DeepLabError, match=r"overflows, or training diverged: the loss is nan .* bf16 or fp32, and if"):
        training.require_finite_loss()


def test_in_fp32_a_loss_that_is_not_finite_ends_the_run() -> None:
    training = TrainingRun(settings(), CPU, seed=0)
    training.losses.extend(torch.tensor(loss) for loss in (3.0, float("inf")))
    with pytest.raises(DeepLabError, match="Training diverged: the loss is inf"):
        training.require_finite_loss()


def test_an_fp16_run_that_is_resumed_ends_alike(tmp_path: Path) -> None:
    config = configure(draw_folder(tmp_path / "data"), "RUNTIME.PRECISION=fp16", "RUNTIME.CHANNELS_LAST=true")
    whole = run(config, tmp_path / "whole", seed=5)
    assert whole.scaler["_growth_tracker"] > 0

    resumed = run(config, tmp_path / "resumed", resume=tmp_path / "whole" / "checkpoint_0000004.pth")

    assert_same_state(whole, resumed)
    assert whole.scaler == resumed.scaler


@pytest.mark.parametrize(("first", "then"), [("fp16", "fp32"), ("fp32", "fp16"), ("bf16", "fp16")])
def test_a_run_may_go_on_in_another_precision(first: str, then: str) -> None:
    source = batches()
    training = TrainingRun(settings(f"RUNTIME.PRECISION={first}"), CPU, seed=0)
    training.step([next(source)])
    resumed = TrainingRun(settings(f"RUNTIME.PRECISION={then}", "RUNTIME.CHANNELS_LAST=true"), CPU, seed=0)

    resumed.restore(training.checkpoint())
    resumed.step([next(source)])

    assert resumed.iteration == 2
    assert bool(resumed.checkpoint().scaler) == (then == "fp16")


def overflowing_weights(config: Config, path: Path) -> Path:
    """Weights whose model is beyond half precision's largest number, 65504."""
    torch.manual_seed(0)
    state = build_from_config(config).state_dict()
    torch.save({key: value * 1e4 if key.endswith("bn.weight") else value for key, value in state.items()}, path)
    return path


def test_a_forward_pass_that_overflows_is_not_blamed_on_the_learning_rate(tmp_path: Path) -> None:
    config = configure(draw_folder(tmp_path / "data"), "RUNTIME.PRECISION=fp16", "SOLVER.ITER_MAX=30")
    weights = overflowing_weights(config, tmp_path / "over.pth")
    with pytest.raises(DeepLabError, match=r"^Half precision overflows .* set RUNTIME.PRECISION to bf16 or fp32\.$"):
        train(config, tmp_path / "out", SilentReporter(), device="cpu", init=weights)


def test_a_training_of_which_no_step_counted_does_not_succeed(tmp_path: Path) -> None:
    config = configure(draw_folder(tmp_path / "data"), "RUNTIME.PRECISION=fp16")
    weights = overflowing_weights(config, tmp_path / "over.pth")
    with pytest.raises(DeepLabError, match=r"Not one of the 6 iterations changed the weights, .* bf16 or fp32"):
        train(config, tmp_path / "out", SilentReporter(), device="cpu", init=weights)
    assert not (tmp_path / "out" / "checkpoint_final.pth").exists()
