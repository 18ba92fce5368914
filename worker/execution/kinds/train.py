"""Train jobs."""

import logging
import os
import sys
from pathlib import Path
from typing import Any

from deeplab.errors import CheckpointError
from deeplab.training.train import train
from worker.execution.companion_processes import companions
from worker.execution.kinds import JobContext, require_intact
from worker.execution.kinds.inputs import require_inputs
from worker.jobs import jobs
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.ownership import pins
from worker.jobs.records import checkpoints
from worker.jobs.records.checkpoints import Checkpoint
from worker.jobs.requests.specs import TrainSpec

_log = logging.getLogger(__name__)


def run(context: JobContext) -> dict[str, Any]:
    """Train, from the job's own last checkpoint, else from the one that was requested, else from the start.

    Returns:
        {"checkpoint", "iteration"} of the end; {"best_checkpoint", "mean_iou"} of the best validation, null if none.

    Raises:
        InputChangedError: if something was exchanged since the job was submitted.
        CheckpointError: if the checkpoint that was requested is gone or damaged.
        CompanionFailedError: if another process of a training on several GPUs failed.
    """
    spec = TrainSpec.model_validate(context.job.spec)
    resume = _resume_path(context, spec)
    _require_inputs(context, resumes=resume is not None)
    with companions(spec.gpus, _companion_command(context.job, resume), context.folder):
        trained = train(
            context.config,
            context.folder,
            context.reporter,
            device=spec.device,
            resume=resume,
            seed=spec.seed,
        )
    if trained.early_end is not None:
        context.add_event(trained.early_end)
    context.reporter.flush()
    with open_session(context.settings, reads_only=True) as session:
        final = checkpoints.find_last(session, context.job.id)
        best_checkpoint = jobs.get(session, context.job.id).best_checkpoint
    if final is None:
        raise RuntimeError("the training ended without a checkpoint")
    mean_iou = None if trained.best is None else trained.best.mean_iou
    return {
        "checkpoint": final.id,
        "iteration": final.iteration,
        "best_checkpoint": best_checkpoint,
        "mean_iou": mean_iou,
    }


def _require_inputs(context: JobContext, *, resumes: bool) -> None:
    config = context.config
    splits = [config.DATASET.SPLIT.TRAIN, *([config.DATASET.SPLIT.VAL] if config.SOLVER.EVAL_EVERY else [])]
    require_inputs(context, splits=splits, besides=[pins.INITIAL_WEIGHTS] if resumes else [])


def _companion_command(job: Job, resume: Path | None) -> list[str]:
    command = [sys.executable, "-P", "-m", "worker.execution.companion", str(job.id), str(job.fence)]
    command += ["--parent", str(os.getpid())]
    return command if resume is None else [*command, "--resume", str(resume)]


def _resume_path(context: JobContext, spec: TrainSpec) -> Path | None:
    checkpoint = _own_checkpoint(context)
    if checkpoint is None and spec.resumed_id is not None:
        checkpoint = _requested_checkpoint(context, spec.resumed_id)
    if checkpoint is None:
        _log.info("Training starts at iteration 0.")
        return None
    context.add_event(f"resumed from checkpoint {checkpoint.id} at iteration {checkpoint.iteration}")
    _log.info("Resumed from checkpoint %d at iteration %d.", checkpoint.id, checkpoint.iteration)
    return checkpoint.path


def _requested_checkpoint(context: JobContext, checkpoint_id: int) -> Checkpoint:
    """Read the checkpoint that was requested; its training's best becomes this job's, if their scores compare."""
    with open_session(context.settings, reads_only=True) as session:
        checkpoint = checkpoints.get(session, checkpoint_id)
    require_intact(checkpoint)
    if checkpoint.split == context.config.DATASET.SPLIT.VAL:
        with context.fenced() as session:
            checkpoints.inherit_best(session, context.job.id, checkpoint)
    return checkpoint


def _own_checkpoint(context: JobContext) -> Checkpoint | None:
    """Find the furthest checkpoint of earlier attempts, skipping damaged ones."""
    with open_session(context.settings, reads_only=True) as session:
        saved = checkpoints.list_checkpoints(session, context.job.id)
    for checkpoint in sorted(saved, key=lambda each: (each.iteration, each.id), reverse=True):
        try:
            require_intact(checkpoint)
        except CheckpointError as error:
            context.add_event(f"skipped a checkpoint: {error}")
            _log.warning("Skipped a checkpoint: %s", error)
        else:
            return checkpoint
    return None
