"""Report the progress and metrics of a training run, also as TensorBoard scalars."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch

from deeplab.catalog import SCORES
from deeplab.errors import OutputError
from deeplab.files import printable
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
        self._folder = folder
        self._run = run
        self._reporter = reporter
        # Only here: of the processes of a training, one writes scalars.
        from torch.utils.tensorboard import SummaryWriter

        # Hides what an earlier attempt wrote after the checkpoint from which this run continues.
        self._writer = SummaryWriter(str(folder), purge_step=run.iteration + 1)

    def after_iteration(self) -> None:
        """Report the iteration that was just done.

        Raises:
            DeepLabError: if the reported loss is not finite, or the scalars cannot be written.
        """
        solver, iteration = self._run.config.SOLVER, self._run.iteration
        self._reporter.progress(iteration, solver.ITER_MAX, "iteration")
        if iteration == 1 or iteration % solver.ITER_TB == 0:
            self._report_metrics(iteration)

    def after_validation(self, scores: Scores) -> None:
        """Report the scores of a validation at this iteration."""
        values = {name: scores[name] for name in SCORES}
        self._write({f"{name}/val": value for name, value in values.items()})
        self._reporter.metrics(self._run.iteration, values)

    def close(self) -> None:
        """Flush the scalars to disk. Raises OutputError if they cannot be written."""
        with self._errors_named():
            self._writer.close()

    def _report_metrics(self, iteration: int) -> None:
        self._run.require_finite_loss()
        loss, rates, device = self._run.average_loss(), self._run.learning_rates(), self._run.device
        values = {"loss": loss} | {f"lr/group{i}": rate for i, rate in enumerate(rates)}
        scalars = {"loss/train": loss} | {f"lr/group_{i}": rate for i, rate in enumerate(rates)}
        if device.type == "cuda":
            reserved = torch.cuda.memory_reserved(device)  # bytes
            values["gpu_memory_mib"] = reserved / 1024**2
            scalars[f"gpu/device_{device.index or 0}/memory_cached"] = reserved / 1024**3
        self._write(scalars)
        self._reporter.metrics(iteration, values)

    def _write(self, scalars: Mapping[str, float]) -> None:
        with self._errors_named():
            for name, value in scalars.items():
                self._writer.add_scalar(name, value, self._run.iteration)

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(f"{printable(self._folder)}: cannot be written: {error.strerror or error}.") from error
