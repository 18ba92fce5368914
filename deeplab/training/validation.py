"""The scores of a network while it is trained; the training goes on as if nobody had looked."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from deeplab.datasets.split import open_split
from deeplab.evaluate import score
from deeplab.inference.segmenter import Segmenter
from deeplab.reporter import VALIDATION_IMAGE, Reporter
from deeplab.training.log import TrainingLog
from deeplab.training.run import TrainingRun


class Validation:
    """Evaluates the network of a run on DATASET.SPLIT.VAL, every SOLVER.EVAL_EVERY iterations and after the last.

    Args:
        run: keeps the best score.
        reporter: hears of each image; can stop the evaluation.

    Raises:
        DatasetError: if there shall be evaluations, and the split is missing or empty.
    """

    def __init__(self, run: TrainingRun, reporter: Reporter) -> None:
        self._run = run
        self._reporter = reporter
        self._every = run.config.SOLVER.EVAL_EVERY
        if self._every is not None:
            self._dataset = open_split(run.config, run.config.DATASET.SPLIT.VAL)

    def if_due(self, log: TrainingLog) -> bool:
        """Evaluate the network if it is time to; whether it is better than ever before.

        Raises:
            Stopped: when the reporter asked for it; the run's state is then as before the evaluation.
        """
        if not self._is_due():
            return False
        run = self._run
        # Each evaluation makes a network of its own of the weights; to compile it would take longer than it saves.
        eager = run.config.RUNTIME.model_copy(update={"COMPILE": False})
        config = run.config.model_copy(update={"RUNTIME": eager})
        with lent(run.model):
            segmenter = Segmenter(run.model, config, device=run.device)
            scores = score(segmenter, self._dataset, self._reporter, unit=VALIDATION_IMAGE)
        log.after_validation(scores)
        return run.note_validation(scores["mean_iou"])

    def _is_due(self) -> bool:
        iteration, last = self._run.iteration, self._run.validated
        if self._every is None or iteration == 0 or (last is not None and last.iteration == iteration):
            return False
        return iteration % self._every == 0 or iteration == self._run.config.SOLVER.ITER_MAX


@contextmanager
def lent(model: nn.Module) -> Iterator[None]:
    """Whatever the block does to a network's modes and need of gradients is undone at its end.

    Sizes differ from image to image, so that cuDNN would look for its fastest algorithm again and again: not here.
    """
    training = {module: module.training for module in model.modules()}
    trained = {parameter: parameter.requires_grad for parameter in model.parameters()}
    benchmark = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = benchmark
        for module, mode in training.items():
            module.training = mode
        for parameter, needs_gradient in trained.items():
            parameter.requires_grad_(needs_gradient)
