"""Report the progress and metrics of a training run, also as TensorBoard scalars."""

from pathlib import Path

import torch
from torch.utils.tensorboard import SummaryWriter

from deeplab.catalog import SCORES
from deeplab.reporter import Reporter
from deeplab.scores.metrics import Scores
from deeplab.training.run import TrainingRun


class TrainingLog:
    """Reports every iteration; the metrics after the first iteration and every SOLVER.ITER_TB.

    Args:
        folder: of the TensorBoard scalars, which have the original's names; a resumed run may use the same folder.
        run: the run to report on.
        reporter: hears of it.
    """

    def __init__(self, folder: Path, run: TrainingRun, reporter: Reporter) -> None:
        self._run = run
        self._reporter = reporter
        # Hides what an earlier attempt wrote after the checkpoint from which this run continues.
        self._writer = SummaryWriter(str(folder), purge_step=run.iteration + 1)

    def after_iteration(self) -> None:
        """Report the iteration that was just done. Raises DeepLabError if the reported loss is not finite."""
        solver, iteration = self._run.config.SOLVER, self._run.iteration
        self._reporter.progress(iteration, solver.ITER_MAX, "iteration")
        if iteration == 1 or iteration % solver.ITER_TB == 0:
            self._report_metrics(iteration)

    def after_validation(self, scores: Scores) -> None:
        """Report the scores of a validation at this iteration."""
        values = {name: scores[name] for name in SCORES}
        for name, value in values.items():
            self._writer.add_scalar(f"{name}/val", value, self._run.iteration)
        self._reporter.metrics(self._run.iteration, values)

    def close(self) -> None:
        """Flush the scalars to disk."""
        self._writer.close()

    def _report_metrics(self, iteration: int) -> None:
        self._run.require_finite_loss()
        loss, rates, device = self._run.average_loss(), self._run.learning_rates(), self._run.device
        values = {"loss": loss} | {f"lr/group{i}": rate for i, rate in enumerate(rates)}
        self._writer.add_scalar("loss/train", loss, iteration)
        for i, rate in enumerate(rates):
            self._writer.add_scalar(f"lr/group_{i}", rate, iteration)
        if device.type == "cuda":
            reserved = torch.cuda.memory_reserved(device)  # bytes
            values["gpu_memory_mib"] = reserved / 1024**2
            self._writer.add_scalar(f"gpu/device_{device.index or 0}/memory_cached", reserved / 1024**3, iteration)
        self._reporter.metrics(iteration, values)
