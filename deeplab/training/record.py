"""What is reported and written while a run trains."""

from collections.abc import Sequence
from pathlib import Path

from deeplab.files import make_folder
from deeplab.reporter import Reporter
from deeplab.training.checkpoint import checkpoint_path
from deeplab.training.checkpoint_folder import CheckpointFolder
from deeplab.training.log import TrainingLog
from deeplab.training.run import TrainingRun
from deeplab.training.validation import Validation


class Record:
    """The validations, metrics and checkpoints of a run, which its main process makes.

    Args:
        output_dir: folder of the checkpoints; missing folders are made.
        logs_dir: folder of the TensorBoard scalars, likewise.
        run: the run to record.
        reporter: hears of everything; can stop a validation.
        saved: `Checkpoint.saved` of the checkpoint from which the run was resumed.

    Raises:
        DatasetError: if validations are due, and their split is missing or empty.
        OutputError: if a folder cannot be made.
    """

    def __init__(
        self, output_dir: Path, logs_dir: Path, run: TrainingRun, reporter: Reporter, saved: Sequence[int] = ()
    ) -> None:
        self._run = run
        self._validation = Validation(run, reporter)
        self._checkpoints = CheckpointFolder(output_dir, run, reporter, saved)
        for folder in (output_dir, logs_dir):
            make_folder(folder)
        self._log = TrainingLog(logs_dir, run, reporter)

    def before_first_iteration(self) -> None:
        """Make up for a validation in whose middle the run was stopped."""
        if self._validation.validate_if_due(self._log):
            self.save()

    def after_iteration(self) -> None:
        """Report the iteration that was just done; validate and save the model if that is due.

        Raises:
            Stopped: if the reporter stopped a validation.
            DeepLabError: if the loss is not finite, or a file cannot be written.
        """
        self._log.after_iteration()
        is_among_best = self._validation.validate_if_due(self._log)
        if is_among_best or self._run.iteration % self._run.config.SOLVER.ITER_SAVE == 0:
            self.save()

    def save(self) -> None:
        """Save the state, unless it is saved already."""
        self._checkpoints.save()

    def save_final(self) -> Path:
        """Save the state of a finished run and return the path of its file."""
        return self._checkpoints.save_final()

    def close(self) -> None:
        """Flush the TensorBoard scalars to disk."""
        self._log.close()


class NullRecord:
    """Stands in for the record in all processes but the main one: reports and writes nothing."""

    def __init__(self, output_dir: Path) -> None:
        self._output_dir = output_dir

    def before_first_iteration(self) -> None:
        """Do nothing."""

    def after_iteration(self) -> None:
        """Do nothing."""

    def save(self) -> None:
        """Do nothing."""

    def save_final(self) -> Path:
        """Return the path of the file that the main process writes."""
        return checkpoint_path(self._output_dir, None)

    def close(self) -> None:
        """Do nothing."""
