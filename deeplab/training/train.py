"""Train by the DeepLab v2 protocol, from the first iteration or from a checkpoint."""

import logging
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from deeplab.catalog import BACKBONES
from deeplab.config import Config
from deeplab.datasets.loading import Batch, training_batches
from deeplab.datasets.split import SplitDataset
from deeplab.datasets.stream import TrainingStream, open_training_stream
from deeplab.distributed import ProcessLostError, World, joined_world, noticing_losses
from deeplab.errors import ConfigError, DeepLabError
from deeplab.formats import plural
from deeplab.models.load import fill_initially
from deeplab.reporter import Reporter, Stopped
from deeplab.training.checkpoint import checkpoint_path, final_weights_path, load_checkpoint
from deeplab.training.class_weights import weigh_classes
from deeplab.training.introduction import describe_resumption, describe_weights, introduce
from deeplab.training.record import NullRecord, Record
from deeplab.training.resumption import require_iterations_left, require_same_config
from deeplab.training.run import TrainingRun, Validated

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """The result of a training."""

    checkpoint: Path  # of the last iteration
    weights: Path  # those of that checkpoint alone, for other code
    best: Validated | None  # the best validation; None without SOLVER.EVAL_EVERY
    best_checkpoint: Path | None  # of that iteration; also None if the run was resumed and that file is gone
    early_end: str | None  # why it ended before SOLVER.ITER_MAX, as a sentence; None if it did not


def train(
    config: Config,
    output_dir: Path,
    reporter: Reporter,
    *,
    logs_dir: Path | None = None,
    device: str = "auto",
    resume: Path | None = None,
    init: Path | None = None,
    seed: int = 0,
) -> Trained:
    """Train the model of a config for SOLVER.ITER_MAX iterations, or fewer as SOLVER.PATIENCE asks.

    On a CPU the result depends on the config, the seed, the initial weights and the number of threads alone, whether
    the run was interrupted and resumed or not, and whether the model is evaluated in between or not.

    Args:
        config: all settings.
        output_dir: folder of the checkpoints; missing folders are made.
        reporter: hears of each iteration, the metrics and the checkpoints; can stop the run.
        logs_dir: folder of the TensorBoard scalars, likewise; None: logs/ in `output_dir`.
        device: "auto", "cpu", "cuda" or "cuda:1".
        resume: checkpoint to continue from; its seed is used, and `init` is not.
        init: weights to start from, in place of MODEL.INIT_MODEL or MODEL.WEIGHTS.
        seed: of the random weights, the order of samples and their augmentation.

    Raises:
        Stopped: if the reporter asked for it, after a checkpoint was saved.
        DeepLabError: if something that the config names is missing or wrong, the loss is no longer finite, or a file
            cannot be read or written; what was trained before is saved first, if that is possible.
    """
    with joined_world() as world:
        with world.together():
            run, saved, origin = _start(config, world, device, resume, init, seed)
            stream = open_training_stream(config, config.DATASET.SPLIT.TRAIN, run.seed)
            batches = _read_batches(run, stream)
            record: Record | NullRecord = NullRecord(output_dir)
            if world.is_main:
                introduce(run, stream.dataset, origin, output_dir)
                record = Record(output_dir, logs_dir or output_dir / "logs", run, reporter, saved)
        with closing(batches), closing(record):
            _iterate(run, stream.dataset, batches, record, reporter)
        with world.together():
            run.require_progress()
            final = record.save_final()
    early_end = _explain_early_end(run)
    if early_end is not None and world.is_main:
        reporter.progress(run.iteration, run.iteration, "iteration")  # there are no more to come
    weights, best = final_weights_path(output_dir), _find_best(run, output_dir, resume)
    return Trained(final, weights, run.best, best, early_end)


def _iterate(
    run: TrainingRun,
    dataset: SplitDataset,
    batches: Iterator[Batch],
    record: Record | NullRecord,
    reporter: Reporter,
) -> None:
    """Train to the end, in step with the other processes.

    Raises:
        Stopped: if one of them was asked to stop, after a checkpoint was saved.
        DeepLabError: if one of them failed, after a checkpoint was saved if that is possible.
    """
    world, first = run.world, run.iteration
    try:
        with noticing_losses():
            _iterate_undisturbed(run, dataset, batches, record, reporter)
    except Stopped:
        with world.together():
            record.save()
        raise
    except ProcessLostError as failure:  # so there is nobody to agree with
        if run.iteration > first:
            _try_to_save(record, failure)
        raise
    except DeepLabError as failure:
        with world.together():
            if run.iteration > first:
                _try_to_save(record, failure)
        raise


def _iterate_undisturbed(
    run: TrainingRun,
    dataset: SplitDataset,
    batches: Iterator[Batch],
    record: Record | NullRecord,
    reporter: Reporter,
) -> None:
    solver, world = run.config.SOLVER, run.world
    weigh_classes(run, dataset, reporter)
    with world.together():
        record.before_first_iteration()
    while not _is_over(run):
        with world.together():
            if reporter.should_stop():
                raise Stopped
            own = list(islice(batches, solver.ITER_SIZE))
        run.step(own)
        with world.together():
            record.after_iteration()


def _is_over(run: TrainingRun) -> bool:
    """Whether the run has come to its end, or must not go on for want of better validations; alike in all processes."""
    solver, world = run.config.SOLVER, run.world
    if run.iteration >= solver.ITER_MAX:
        return True
    return solver.PATIENCE is not None and world.any(world.is_main and run.n_since_best >= solver.PATIENCE)


def _explain_early_end(run: TrainingRun) -> str | None:
    if run.iteration >= run.config.SOLVER.ITER_MAX:
        return None
    return (
        f"Ended early at iteration {run.iteration}: {plural(run.n_since_best, 'validation')} in a row had no better"
        " mean IoU (SOLVER.PATIENCE)."
    )


def _try_to_save(record: Record | NullRecord, failure: DeepLabError) -> None:
    """Save the state of a run that failed; it may have diverged, or there may be no room for it."""
    try:
        record.save()
    except DeepLabError as error:
        if str(error) != str(failure):
            _log.warning("The last iterations are lost: %s", error)


def _start(
    config: Config, world: World, device_name: str, resume: Path | None, init: Path | None, seed: int
) -> tuple[TrainingRun, list[int], str]:
    """Build the run, at iteration 0 or at that of a checkpoint.

    Returns:
        The run, the iterations that were saved before, and a sentence about where its weights come from.
    """
    if seed < 0:
        raise DeepLabError(f"The seed must not be negative, got {seed}.")
    if config.MODEL.NAME in BACKBONES:
        raise ConfigError(f"MODEL.NAME {config.MODEL.NAME} classifies whole images; training needs a DeepLab model.")
    device = world.choose_device(device_name)
    torch.backends.cudnn.benchmark = True  # all crops have one size
    if resume is not None:
        checkpoint = load_checkpoint(resume)
        require_same_config(config, checkpoint.config, resume)
        require_iterations_left(config, checkpoint, resume)
        run = TrainingRun(config, device, checkpoint.seed, world)
        run.restore(checkpoint)
        return run, checkpoint.saved, describe_resumption(run, checkpoint, resume)
    run = TrainingRun(config, device, seed, world)
    source, unfilled = fill_initially(run.model, config, init)
    return run, [], describe_weights(run, source, unfilled)


def _find_best(run: TrainingRun, output_dir: Path, resume: Path | None) -> Path | None:
    """Find the best checkpoint: in the folder of this run, or else in that of the run that it continues."""
    folders = [output_dir] if resume is None else [output_dir, resume.parent]
    paths = [checkpoint_path(folder, run.best.iteration) for folder in folders if run.best is not None]
    return next((path for path in paths if path.is_file()), None)


def _read_batches(run: TrainingRun, stream: TrainingStream) -> Generator[Batch, None, None]:
    """Read this process's share of all batches that are left to train on."""
    config, solver = run.config, run.config.SOLVER
    return training_batches(
        stream,
        solver.BATCH_SIZE.TRAIN,
        first=run.iteration * solver.ITER_SIZE,
        last=solver.ITER_MAX * solver.ITER_SIZE,
        n_workers=config.DATALOADER.NUM_WORKERS,
        pin_memory=run.device.type == "cuda",
        share=run.world.share(solver.BATCH_SIZE.TRAIN),
    )
