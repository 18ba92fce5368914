from contextlib import suppress
from pathlib import Path

import pytest
import torch
from torch import nn

from deeplab.config import Config, parse_config
from deeplab.evaluation.evaluate import evaluate
from deeplab.models.batch_norm import freeze_batch_norm
from deeplab.reporter import VALIDATION_IMAGE, SilentReporter, Stopped
from deeplab.scores.metrics import Scores
from deeplab.training.log import TrainingLog
from deeplab.training.run import TrainingRun, Validated
from deeplab.training.validation import Validation, preserved_modes
from tests.configs import tiny_model
from tests.deeplab.drawing import draw_folder
from tests.reporters import Recorder


@pytest.fixture
def config(tmp_path: Path) -> Config:
    dataset = {"N_CLASSES": 3, "ROOT": str(draw_folder(tmp_path / "data", n_images=3))}
    return parse_config({"DATASET": dataset, "MODEL": tiny_model(), "SOLVER": {"EVAL_EVERY": 2, "ITER_MAX": 5}}, "test")


def test_the_model_is_evaluated_when_it_is_due(config: Config, tmp_path: Path) -> None:
    run = TrainingRun(config, torch.device("cpu"), seed=0)
    reporter = Recorder()
    log, validation = TrainingLog(tmp_path / "logs", run, reporter), Validation(run, reporter)

    due = []
    for iteration in (0, 1, 2, 2, 3, 4, 5, 5):  # the second time as after resuming
        run.iteration = iteration
        reporter.progressed.clear()
        validation.validate_if_due(log)
        due.append(bool(reporter.progressed))
    log.close()

    assert due == [False, False, True, False, False, True, True, False]
    assert run.validated == Validated(5, run.best.mean_iou if run.best else -1)
    assert run.best == Validated(2, run.validated.mean_iou)  # nothing was trained in between


def test_the_scores_are_those_of_an_evaluation_of_the_weights(config: Config, tmp_path: Path) -> None:
    run = TrainingRun(config, torch.device("cpu"), seed=0)
    run.iteration = 2
    reported: list[Scores] = []

    class Log(TrainingLog):
        def after_validation(self, scores: Scores) -> None:
            reported.append(scores)

    reporter = Recorder()
    log = Log(tmp_path / "logs", run, reporter)
    assert Validation(run, reporter).validate_if_due(log)
    log.close()

    torch.save(run.model.state_dict(), tmp_path / "weights.pth")
    expected = evaluate(config, tmp_path / "weights.pth", SilentReporter(), device="cpu")
    assert (reported[0].confusion == expected.confusion).all()
    assert run.best == Validated(2, expected["mean_iou"])
    assert reporter.progressed == [(i, 3, VALIDATION_IMAGE) for i in (1, 2, 3)]


def test_a_stop_in_the_middle_leaves_the_run_as_it_was(config: Config, tmp_path: Path) -> None:
    run = TrainingRun(config, torch.device("cpu"), seed=0)
    run.iteration = 2
    reporter = Recorder(stop_after=2)
    log = TrainingLog(tmp_path / "logs", run, reporter)
    with pytest.raises(Stopped):
        Validation(run, reporter).validate_if_due(log)
    log.close()
    assert run.validated is None
    assert run.best is None
    assert run.model.training
    assert len(reporter.progressed) == 2


def test_the_modes_of_a_model_are_restored() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(), nn.Conv2d(4, 2, 1)).train()
    freeze_batch_norm(model)
    model[0].requires_grad_(False)
    benchmark = torch.backends.cudnn.benchmark
    with suppress(ZeroDivisionError), preserved_modes(model):
        model.eval().requires_grad_(False)
        raise ZeroDivisionError
    assert [module.training for module in model.modules()] == [True, True, False, True, True]
    assert [parameter.requires_grad for parameter in model.parameters()] == [False, False, True, True, True, True]
    assert torch.backends.cudnn.benchmark == benchmark
