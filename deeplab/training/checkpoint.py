"""Checkpoints: whole states of a training, from which it continues as if it had never been interrupted."""

from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deeplab.errors import CheckpointError
from deeplab.files import replace_file
from deeplab.models.weights.state_dict import FORMAT, check_format, read_checkpoint, require_finite
from deeplab.room import require_room


@dataclass(frozen=True)
class Checkpoint:
    """Everything needed to continue a training run as if it had never been interrupted."""

    iteration: int  # optimizer steps done
    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    schedule: dict[str, Any]
    rng: dict[str, Any]  # generator states: "cpu", a tensor, and "cuda", a list of tensors
    config: dict[str, Any]  # Config.model_dump(mode="json")
    seed: int
    losses: list[float]  # of the last iterations, for the moving average
    # Files of earlier versions lack the following.
    validated: dict[str, Any] | None = None  # {"iteration", "mean_iou"} of the last validation
    best: dict[str, Any] | None = None  # ... and of the best one
    n_since_best: int = 0  # validations after the best one
    saved: list[int] = field(default_factory=list)  # iterations of the checkpoints on disk that SOLVER.KEEP_LAST counts
    scores: dict[int, float] = field(default_factory=dict)  # mean IoU of every validation, by iteration
    class_weights: list[float] | None = None  # as SOLVER.CLASS_WEIGHTS made them of the training split, or lists them
    scaler: dict[str, Any] = field(default_factory=dict)  # state of the loss scaler; empty unless fp16


def checkpoint_path(folder: Path, iteration: int | None) -> Path:
    """Return the path of a run's checkpoint of an iteration, or with None of its final one."""
    return folder / ("checkpoint_final.pth" if iteration is None else f"checkpoint_{iteration:07d}.pth")


def final_weights_path(folder: Path) -> Path:
    """Where a run leaves the weights of its last checkpoint as a plain state dict, for other code."""
    return folder / "weights_final.pth"


def size_of(checkpoint: Checkpoint) -> int:
    """About how many bytes the file of a checkpoint has: those of its tensors."""
    seen: list[Any] = [checkpoint.model, checkpoint.optimizer]
    n_bytes = 0
    while seen:
        each = seen.pop()
        if isinstance(each, Tensor):
            n_bytes += each.nbytes
        elif isinstance(each, dict):
            seen.extend(each.values())
    return n_bytes


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint: whole or not at all, flushed to disk; where it would not fit, nothing is begun.

    Raises:
        OutputError: if it cannot be written, such as for lack of room.
    """
    require_room(path, size_of(checkpoint))
    write_checkpoint(path, checkpoint)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint without looking for room; otherwise as `save_checkpoint`."""
    shallow = {each.name: getattr(checkpoint, each.name) for each in fields(checkpoint)}
    with replace_file(path) as file:
        torch.save({"format": FORMAT, **shallow}, file)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint to resume from.

    Raises:
        CheckpointError: if the file cannot be read, or holds weights alone, or some that are not finite.
    """
    content = read_checkpoint(path)
    if "format" not in content:
        raise CheckpointError(
            f"{path}: holds weights alone, from which training can start (MODEL.INIT_MODEL) but not resume."
        )
    check_format(content, path)
    absent = [each.name for each in fields(Checkpoint) if _is_required(each) and each.name not in content]
    if absent:
        raise CheckpointError(f"{path}: lacks {', '.join(absent)}, which resuming needs.")
    require_finite(content["model"], path)
    return Checkpoint(**{each.name: content[each.name] for each in fields(Checkpoint) if each.name in content})


def _is_required(each: Field[Any]) -> bool:
    return each.default is MISSING and each.default_factory is MISSING
