"""Which runs may be resumed, and how."""

from pathlib import Path
from typing import Any

from deeplab.config import Config
from deeplab.errors import CheckpointError
from deeplab.training.checkpoint import Checkpoint
from deeplab.training.same_run import list_differences


def require_same_config(config: Config, saved: dict[str, Any], path: Path) -> None:
    """Refuse to resume a run with another configuration.

    Raises:
        CheckpointError: names the keys that differ, with both values.
    """
    if differing := list_differences(config, saved, str(path)):
        raise CheckpointError(f"{path}: is of a run with other settings: {', '.join(differing)}.")


def require_iterations_left(config: Config, checkpoint: Checkpoint, path: Path) -> None:
    """Refuse to resume a run whose checkpoint lies at or behind the end that is asked for now.

    A run that is finished may be resumed under its own length: its final files are then written again.

    Raises:
        CheckpointError: if SOLVER.ITER_MAX was changed, and to too little.
    """
    length = config.SOLVER.ITER_MAX
    if length != checkpoint.config["SOLVER"]["ITER_MAX"] and checkpoint.iteration >= length:
        raise CheckpointError(
            f"{path}: is at iteration {checkpoint.iteration}; to continue from it, SOLVER.ITER_MAX must be greater than"
            f" that, not {length}."
        )
