"""The checkpoints of a training run: where they are saved, and which are kept."""

from collections.abc import Sequence
from pathlib import Path

from deeplab.models.weights.state_dict import save_weights
from deeplab.reporter import Reporter
from deeplab.training.checkpoint import checkpoint_path, final_weights_path, save_checkpoint
from deeplab.training.run import TrainingRun


class CheckpointFolder:
    """Saves the states of a run; keeps the newest SOLVER.KEEP_LAST, the best SOLVER.KEEP_BEST and the final one.

    Args:
        folder: where they go.
        run: whose states are saved.
        reporter: hears of each file when it is complete, and deletes those that are no longer kept.
        saved: `Checkpoint.saved` of the checkpoint from which the run was resumed.
    """

    def __init__(self, folder: Path, run: TrainingRun, reporter: Reporter, saved: Sequence[int] = ()) -> None:
        self.saved = list(saved)  # iterations whose checkpoints were saved and not discarded since, ascending
        self._folder = folder
        self._run = run
        self._reporter = reporter
        self._last_saved: int | None = None  # iteration of the last call of `save`

    def save(self) -> None:
        """Save the state of the run and discard expired ones; do nothing if this iteration's state is saved already.

        Raises:
            DeepLabError: if the loss is not finite.
            OutputError: if the file cannot be written.
        """
        iteration = self._run.iteration
        if self._last_saved == iteration:
            return
        # The file still lists what is discarded below: if that is interrupted, the resumed run does it.
        self.saved = [*(each for each in self.saved if each < iteration), iteration]
        self._write(checkpoint_path(self._folder, iteration))
        self._last_saved = iteration
        for expired in self._expired_iterations():
            self._reporter.discard(checkpoint_path(self._folder, expired), expired)
            self.saved.remove(expired)

    def save_final(self) -> Path:
        """Save the final state of a run, and its weights alone; return the path of the state. Raises as `save` does."""
        path = checkpoint_path(self._folder, None)
        self._write(path)
        weights = {key: value.cpu() for key, value in self._run.model.state_dict().items()}
        save_weights(final_weights_path(self._folder), weights)
        return path

    def _write(self, path: Path) -> None:
        save_checkpoint(path, self._run.checkpoint(self.saved))
        self._reporter.checkpoint(path, self._run.iteration, is_best=self._run.is_best())

    def _expired_iterations(self) -> list[int]:
        """List the saved iterations that SOLVER.KEEP_LAST does not keep. The best ones are not among them."""
        keep_last, best = self._run.config.SOLVER.KEEP_LAST, self._run.best_iterations()
        old = [] if keep_last is None else self.saved[:-keep_last]
        return [iteration for iteration in old if iteration not in best]
