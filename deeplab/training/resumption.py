"""Which runs may be resumed, and how."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deeplab.config import Config, parse_config
from deeplab.errors import CheckpointError
from deeplab.training.checkpoint import Checkpoint

# Sections and keys that change nothing but rounding, and the length; a run may be resumed with other values of them.
_MAY_DIFFER = (
    *("EXP", "CRF", "DATALOADER", "DATASET.ROOT", "DATASET.LABELS", "DATASET.SPLIT.VAL", "DATASET.SPLIT.TEST"),
    *("INFERENCE", "IMAGE.SIZE.TEST", "MODEL.INIT_MODEL", "MODEL.WEIGHTS"),
    *("RUNTIME", "SOLVER.BATCH_SIZE.TEST", "SOLVER.ITER_SAVE", "SOLVER.ITER_TB", "SOLVER.AVERAGE_LOSS"),
    *("SOLVER.EVAL_EVERY", "SOLVER.KEEP_LAST", "SOLVER.KEEP_BEST", "SOLVER.PATIENCE", "SOLVER.ITER_MAX"),
)


def require_same_config(config: Config, saved: dict[str, Any], path: Path) -> None:
    """Refuse to resume a run with another configuration.

    Raises:
        CheckpointError: names the keys that differ, with both values.
    """
    ours, theirs = (dict(_flatten(each.model_dump())) for each in (config, parse_config(saved, str(path))))
    differing = [
        f"{key} ({theirs[key]} there, {ours[key]} here)"
        for key in ours
        if ours[key] != theirs[key] and not any(f"{key}.".startswith(f"{free}.") for free in _MAY_DIFFER)
    ]
    if differing:
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


def _flatten(section: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
