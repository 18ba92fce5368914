"""Score a model in the middle of its training, without changing how the training continues."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from deeplab.datasets.split import open_split
from deeplab.evaluation.evaluate import score
from deeplab.inference.segmenter import Segmenter
from deeplab.reporter import VALIDATION_IMAGE, Reporter
from deeplab.training.log import TrainingLog
from deeplab.training.run import TrainingRun


class Validation:
    """Evaluates the model of a run on DATASET.SPLIT.VAL, every SOLVER.EVAL_EVERY iterations and after the last.

    Args:
        run: records the scores.
        reporter: hears of each image; can stop the evaluation.

    Raises:
        DatasetError: if SOLVER.EVAL_EVERY is set, and the split is missing or empty.
    """

    def __init__(self, run: TrainingRun, reporter: Reporter) -> None:
        self._run = run
        self._reporter = reporter
        self._every = run.config.SOLVER.EVAL_EVERY
        if self._every is not None:
            self._dataset = open_split(run.config, run.config.DATASET.SPLIT.VAL)

    def validate_if_due(self, log: TrainingLog) -> bool:
        """Evaluate the model if that is due; return whether it was, and is among the SOLVER.KEEP_BEST best so far.

        Raises:
            Stopped: if the reporter asked for it; the run is then as before.
        """
        if not self._is_due():
            return False
        run = self._run
        # Each evaluation makes a new copy of the model; compiling it would take longer than it saves.
        eager = run.config.RUNTIME.model_copy(update={"COMPILE": False})
        config = run.config.model_copy(update={"RUNTIME": eager})
        with preserved_modes(run.model):
            segmenter = Segmenter(run.model, config, device=run.device)
            scores = score(segmenter, self._dataset, self._reporter, unit=VALIDATION_IMAGE)
        log.after_validation(scores)
        return run.record_validation(scores["mean_iou"])

    def _is_due(self) -> bool:
        iteration, last = self._run.iteration, self._run.validated
        if self._every is None or iteration == 0 or (last is not None and last.iteration == iteration):
            return False
        return iteration % self._every == 0 or iteration == self._run.config.SOLVER.ITER_MAX


@contextmanager
def preserved_modes(model: nn.Module) -> Iterator[None]:
    """Restore a model's training modes and `requires_grad` flags when the block ends.

    cuDNN's benchmark mode is off inside the block: image sizes differ, and it would search for the fastest algorithm
    again at each new size.
    """
    training = {module: module.training for module in model.modules()}
    requires_grad = {parameter: parameter.requires_grad for parameter in model.parameters()}
    benchmark = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = benchmark
        for module, mode in training.items():
            module.training = mode
        for parameter, flag in requires_grad.items():
            parameter.requires_grad_(flag)
