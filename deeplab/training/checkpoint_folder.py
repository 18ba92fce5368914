"""The checkpoints of a training run: which are saved where, and which are let go."""

from pathlib import Path

from deeplab.reporter import Reporter
from deeplab.training.checkpoint import checkpoint_path, save_checkpoint
from deeplab.training.run import TrainingRun


class CheckpointFolder:
    """Saves the states of a run, and keeps the newest SOLVER.KEEP_LAST of them, the best one and the final one.

    Args:
        folder: where they go.
        run: whose states are saved.
        reporter: hears of each file when it is complete, and deletes those that are let go.
    """

    def __init__(self, folder: Path, run: TrainingRun, reporter: Reporter) -> None:
        self._folder = folder
        self._run = run
        self._reporter = reporter
        self._saved_at: int | None = None  # the last iteration that was saved from here

    def save(self) -> None:
        """Save the state, unless it was saved a moment ago, and let old ones go."""
        run = self._run
        if self._saved_at == run.iteration:
            return
        # What is let go now is still listed in the file: if deleting it is interrupted, the resumed run does it.
        run.saved = [*(each for each in run.saved if each < run.iteration), run.iteration]
        self._write(checkpoint_path(self._folder, run.iteration))
        self._saved_at = run.iteration
        for iteration in run.outdated():
            self._reporter.discard(checkpoint_path(self._folder, iteration), iteration)
            run.saved.remove(iteration)

    def save_final(self) -> Path:
        """Save the last state of a run that is over; its path."""
        path = checkpoint_path(self._folder, None)
        self._write(path)
        return path

    def _write(self, path: Path) -> None:
        save_checkpoint(path, self._run.checkpoint())
        self._reporter.checkpoint(path, self._run.iteration, is_best=self._run.is_best())
