"""Train jobs."""

import logging
from pathlib import Path
from typing import Any

from deeplab.errors import CheckpointError
from deeplab.training.train import train
from worker.execution.kinds import Attempt, require_intact
from worker.jobs import jobs, leases
from worker.jobs.database import open_session
from worker.jobs.records import checkpoints
from worker.jobs.records.checkpoints import Checkpoint
from worker.jobs.specs import TrainSpec

_log = logging.getLogger(__name__)


def run(attempt: Attempt) -> dict[str, Any]:
    """Train, from the job's own last checkpoint, else from the one that was asked for, else from the start.

    Returns:
        {"checkpoint", "iteration"} of the end; {"best_checkpoint", "mean_iou"} of the best evaluation, null without.

    Raises:
        CheckpointError: if the checkpoint that was asked for is gone or damaged.
    """
    spec = TrainSpec.model_validate(attempt.job.spec)
    trained = train(
        attempt.config,
        attempt.folder,
        attempt.reporter,
        device=spec.device,
        resume=_resume_path(attempt, spec),
        seed=spec.seed,
    )
    attempt.reporter.flush()
    with open_session(attempt.settings, reads_only=True) as session:
        final = checkpoints.find_last(session, attempt.job.id)
        best_checkpoint = jobs.get(session, attempt.job.id).best_checkpoint
    if final is None:
        raise RuntimeError("the training ended without a checkpoint")
    mean_iou = None if trained.best is None else trained.best.mean_iou
    return {
        "checkpoint": final.id,
        "iteration": final.iteration,
        "best_checkpoint": best_checkpoint,
        "mean_iou": mean_iou,
    }


def _resume_path(attempt: Attempt, spec: TrainSpec) -> Path | None:
    checkpoint = _own_checkpoint(attempt)
    if checkpoint is None and spec.resume is not None:
        with open_session(attempt.settings, reads_only=True) as session:
            checkpoint = checkpoints.get(session, spec.resume)
        require_intact(checkpoint)
        if checkpoint.config["DATASET"]["SPLIT"]["VAL"] == attempt.config.DATASET.SPLIT.VAL:  # else they do not compare
            with leases.fenced(attempt.settings, attempt.job.id, attempt.job.fence) as session:
                checkpoints.inherit_best(session, attempt.job.id, checkpoint)
    if checkpoint is None:
        _log.info("Training starts at iteration 0.")
        return None
    attempt.add_event(f"resumed from checkpoint {checkpoint.id} at iteration {checkpoint.iteration}")
    _log.info("Resumed from checkpoint %d at iteration %d.", checkpoint.id, checkpoint.iteration)
    return checkpoint.path


def _own_checkpoint(attempt: Attempt) -> Checkpoint | None:
    """The furthest checkpoint that earlier attempts left, passing over damaged ones."""
    with open_session(attempt.settings, reads_only=True) as session:
        saved = checkpoints.list_checkpoints(session, attempt.job.id)
    for checkpoint in sorted(saved, key=lambda each: (each.iteration, each.id), reverse=True):
        try:
            require_intact(checkpoint)
        except CheckpointError as error:
            attempt.add_event(f"passed over a checkpoint: {error}")
            _log.warning("Passed over a checkpoint: %s", error)
        else:
            return checkpoint
    return None
