"""A training that was stopped and continued ends like one that was not."""

from pathlib import Path

import pytest
import torch

from deeplab.config import Config
from deeplab.errors import CheckpointError
from deeplab.reporter import SilentReporter, Stopped
from deeplab.training.checkpoint import load_checkpoint
from deeplab.training.optim import PolynomialLR
from deeplab.training.run import Validated
from deeplab.training.train import train
from tests.deeplab.training.runs import TrainingRecorder, assert_same_state, configure, run


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_run_resumed_from_a_periodic_checkpoint_ends_alike(root: Path, tmp_path: Path, optimizer: str) -> None:
    config = configure(root, f"SOLVER.OPTIMIZER={optimizer}")
    whole = run(config, tmp_path / "whole", seed=5)

    resumed = run(config, tmp_path / "resumed", resume=tmp_path / "whole" / "checkpoint_0000004.pth")

    assert_same_state(whole, resumed)


def test_a_run_that_was_stopped_saves_and_ends_alike(config: Config, tmp_path: Path) -> None:
    whole = run(config, tmp_path / "whole")

    reporter = TrainingRecorder(stop_after=3)
    with pytest.raises(Stopped):
        train(config, tmp_path / "stopped", reporter, device="cpu")
    assert reporter.checkpoints == [("checkpoint_0000002.pth", 2), ("checkpoint_0000003.pth", 3)]
    resumed = run(config, tmp_path / "resumed", resume=tmp_path / "stopped" / "checkpoint_0000003.pth")

    assert_same_state(whole, resumed)


@pytest.mark.parametrize(("stop_after", "expected"), [(0, [0]), (2, [2])])
def test_a_checkpoint_is_saved_once(config: Config, tmp_path: Path, stop_after: int, expected: list[int]) -> None:
    reporter = TrainingRecorder(stop_after)
    with pytest.raises(Stopped):
        train(config, tmp_path, reporter, device="cpu")
    assert [iteration for _, iteration in reporter.checkpoints] == expected


# Of equal validations the first is the best.
NEVER_BETTER = ("SOLVER.LR=1e-20", "SOLVER.FREEZE_BN=true", "SOLVER.EVAL_EVERY=1")


def test_a_run_without_better_validations_ends_early(root: Path, tmp_path: Path) -> None:
    config = configure(root, *NEVER_BETTER, "SOLVER.PATIENCE=3")
    reporter = TrainingRecorder()
    trained = train(config, tmp_path / "whole", reporter, device="cpu")

    assert trained.early_end == (
        "Ended early at iteration 4: 3 validations in a row had no better mean IoU (SOLVER.PATIENCE)."
    )
    assert trained.best is not None
    assert trained.best.iteration == 1
    assert reporter.progressed[-1] == (4, 4, "iteration")
    whole = load_checkpoint(trained.checkpoint)
    assert whole.iteration == 4

    for saved in ("checkpoint_0000002.pth", "checkpoint_final.pth"):
        resumed = run(config, tmp_path / "resumed", resume=tmp_path / "whole" / saved)
        assert_same_state(resumed, whole)
    patient = configure(root, *NEVER_BETTER, "SOLVER.PATIENCE=5")
    last = train(patient, tmp_path / "on", SilentReporter(), device="cpu", resume=trained.checkpoint)
    assert load_checkpoint(last.checkpoint).iteration == 6
    assert last.early_end is None


def test_a_run_with_everything_is_resumed_exactly(root: Path, tmp_path: Path) -> None:
    augment = {"BRIGHTNESS": 0.4, "CONTRAST": 0.4, "SATURATION": 0.4, "HUE": 0.1, "ROTATION": 10, "BLUR_P": 0.5}
    config = configure(root, "SOLVER.WARMUP=5", "SOLVER.OHEM.THRESHOLD=0.7", f"IMAGE.AUGMENT={augment}")
    reporter = TrainingRecorder()
    train(config, tmp_path / "whole", reporter, device="cpu")
    assert reporter.measured[1]["lr/group0"] == pytest.approx(1e-3 * 2 / 5)
    resumed = run(config, tmp_path / "resumed", resume=tmp_path / "whole" / "checkpoint_0000002.pth")
    assert_same_state(load_checkpoint(tmp_path / "whole" / "checkpoint_final.pth"), resumed)


def test_reading_in_other_processes_changes_nothing(root: Path, tmp_path: Path) -> None:
    whole = run(configure(root), tmp_path / "whole")
    middle = tmp_path / "whole" / "checkpoint_0000004.pth"

    resumed = run(configure(root, "DATALOADER.NUM_WORKERS=1"), tmp_path / "resumed", resume=middle)

    assert_same_state(whole, resumed)


def test_resuming_a_finished_run_writes_its_final_checkpoint(config: Config, tmp_path: Path) -> None:
    whole = run(config, tmp_path / "whole")
    assert_same_state(whole, run(config, tmp_path / "again", resume=tmp_path / "whole" / "checkpoint_final.pth"))


def test_resuming_under_other_settings_names_them(config: Config, root: Path, tmp_path: Path) -> None:
    train(config, tmp_path, SilentReporter(), device="cpu")
    other = configure(root, "SOLVER.LR=0.5", "MODEL.WIDTH=8", "SOLVER.ITER_SAVE=9", "EXP.ID=other")

    with pytest.raises(CheckpointError) as caught:
        train(other, tmp_path, SilentReporter(), device="cpu", resume=tmp_path / "checkpoint_0000002.pth")

    assert str(caught.value).endswith(
        "is of a run with other settings: MODEL.WIDTH (4 there, 8 here), SOLVER.LR (0.001 there, 0.5 here)."
    )


def test_a_run_that_was_stopped_in_the_middle_of_an_evaluation_ends_alike(root: Path, tmp_path: Path) -> None:
    config = configure(root, "SOLVER.EVAL_EVERY=3")
    whole = run(config, tmp_path / "whole")

    reporter = TrainingRecorder(stop_after=5)  # three iterations and two images
    with pytest.raises(Stopped):
        train(config, tmp_path / "stopped", reporter, device="cpu")
    stopped = load_checkpoint(tmp_path / "stopped" / "checkpoint_0000003.pth")
    assert stopped.validated is None
    resumed = run(config, tmp_path / "stopped", resume=tmp_path / "stopped" / "checkpoint_0000003.pth")

    assert_same_state(whole, resumed)
    assert resumed.validated is not None


def test_a_resumed_run_knows_the_best_checkpoint_of_before(root: Path, tmp_path: Path) -> None:
    config = configure(root, "SOLVER.EVAL_EVERY=2")
    train(config, tmp_path / "first", SilentReporter(), device="cpu")
    middle = load_checkpoint(tmp_path / "first" / "checkpoint_0000004.pth")
    torch.save(
        {**vars(middle), "format": 1, "best": {"iteration": 2, "mean_iou": 0.999}}, tmp_path / "first/middle.pth"
    )

    trained = train(config, tmp_path / "second", SilentReporter(), device="cpu", resume=tmp_path / "first/middle.pth")
    assert trained.best == Validated(2, 0.999)
    assert trained.best_checkpoint == tmp_path / "first" / "checkpoint_0000002.pth"

    trained.best_checkpoint.unlink()
    again = train(config, tmp_path / "second", SilentReporter(), device="cpu", resume=trained.checkpoint)
    assert again.best == trained.best
    assert again.best_checkpoint is None


def test_a_finished_run_can_go_on(root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config, longer = configure(root), configure(root, "SOLVER.ITER_MAX=10")
    run(config, tmp_path / "first")
    caplog.set_level("INFO", "deeplab")

    went_on = run(longer, tmp_path / "second", resume=tmp_path / "first" / "checkpoint_final.pth")

    assert went_on.iteration == 10
    assert went_on.config["SOLVER"]["ITER_MAX"] == 10
    rate = 1e-3 * (1 - 6 / 10) ** 0.9
    assert (
        f"It was planned for 6 iterations and now ends at 10: the learning rate is that of such a run from here on,"
        f" {rate:.3g} in place of 0."
    ) in caplog.text
    schedule = PolynomialLR(torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1e-3), 2, 10, 0.9)
    schedule.last_epoch = 10
    assert went_on.schedule["_last_lr"][0] == schedule.get_lr()[0]
    again = run(longer, tmp_path / "third", resume=tmp_path / "second" / "checkpoint_0000008.pth")
    assert_same_state(went_on, again)


def test_a_run_cannot_end_before_its_checkpoint(root: Path, tmp_path: Path) -> None:
    run(configure(root), tmp_path)
    with pytest.raises(
        CheckpointError, match=r"is at iteration 4; to continue .*, SOLVER\.ITER_MAX must be greater than that, not 3\."
    ):
        run(configure(root, "SOLVER.ITER_MAX=3"), tmp_path, resume=tmp_path / "checkpoint_0000004.pth")
