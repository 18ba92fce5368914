"""Training by the DeepLab v2 protocol, from the first iteration or from a checkpoint on."""

import logging
from contextlib import closing
from pathlib import Path

import torch

from deeplab.catalog import BACKBONES
from deeplab.checkpoint import checkpoint_path, load_checkpoint, load_initial_weights, save_checkpoint
from deeplab.config import Config
from deeplab.datasets import build_dataset
from deeplab.datasets.loading import training_batches
from deeplab.device import choose_device
from deeplab.errors import ConfigError, DeepLabError
from deeplab.files import make_folder
from deeplab.network import fill_from_torchvision
from deeplab.reporter import Reporter, Stopped
from deeplab.training_log import TrainingLog
from deeplab.training_run import TrainingRun, require_same_config

_log = logging.getLogger(__name__)


def train(
    config: Config,
    output_dir: Path,
    reporter: Reporter,
    *,
    device: str = "auto",
    resume: Path | None = None,
    init: Path | None = None,
    seed: int = 0,
) -> Path:
    """Train the network of a config for SOLVER.ITER_MAX iterations.

    On a CPU the result depends on the config, the seed, the initial weights and the number of threads alone, whether
    the run was interrupted and resumed or not.

    Args:
        config: all settings.
        output_dir: folder of the checkpoints and, in logs/, of the TensorBoard scalars; it is made if need be.
        reporter: hears of each iteration, the metrics and the checkpoints; can stop the run.
        device: "auto", "cpu", "cuda" or "cuda:1".
        resume: checkpoint to continue from; its seed is used, and `init` is not.
        init: weights to start from, in place of MODEL.INIT_MODEL or MODEL.WEIGHTS.
        seed: of the random weights, the order of samples and their augmentation.

    Returns:
        The path of the final checkpoint.

    Raises:
        Stopped: when the reporter asked for it, after a checkpoint was saved.
        DeepLabError: if something the config names is missing or wrong, the loss is not finite any more, or a file
            cannot be written.
    """
    run = _start(config, choose_device(device), resume, init, seed)
    stream = build_dataset(config, config.DATASET.SPLIT.TRAIN, train=True, seed=run.seed)
    make_folder(output_dir / "logs")
    solver, first = config.SOLVER, run.iteration
    batches = training_batches(
        stream,
        solver.BATCH_SIZE.TRAIN,
        first=first * solver.ITER_SIZE,
        last=solver.ITER_MAX * solver.ITER_SIZE,
        n_workers=config.DATALOADER.NUM_WORKERS,
        pin_memory=run.device.type == "cuda",
    )
    with closing(batches), closing(TrainingLog(output_dir / "logs", run, reporter)) as log:
        while run.iteration < solver.ITER_MAX:
            if reporter.should_stop():
                if run.iteration == first or run.iteration % solver.ITER_SAVE:  # else it was saved a moment ago
                    _save(run, checkpoint_path(output_dir, run.iteration), reporter)
                raise Stopped
            run.step(batches)
            log.after_iteration()
            if run.iteration % solver.ITER_SAVE == 0:
                _save(run, checkpoint_path(output_dir, run.iteration), reporter)
    return _save(run, checkpoint_path(output_dir, None), reporter)


def _start(config: Config, device: torch.device, resume: Path | None, init: Path | None, seed: int) -> TrainingRun:
    if seed < 0:
        raise DeepLabError(f"The seed must not be negative, got {seed}.")
    if config.MODEL.NAME in BACKBONES:
        raise ConfigError(f"MODEL.NAME {config.MODEL.NAME} classifies whole images; training needs a DeepLab model.")
    torch.backends.cudnn.benchmark = True  # all crops have one size
    if resume is not None:
        checkpoint = load_checkpoint(resume)
        require_same_config(config, checkpoint.config, resume)
        run = TrainingRun(config, device, checkpoint.seed)
        run.restore(checkpoint)
        return run
    run = TrainingRun(config, device, seed)
    weights = init or (Path(config.MODEL.INIT_MODEL) if config.MODEL.INIT_MODEL else None)
    if weights is not None:
        left = load_initial_weights(run.model, weights)
        _log.info("Weights of %s; %d tensors keep their random ones: %s", weights, len(left), ", ".join(left))
    elif config.MODEL.WEIGHTS is not None:
        left = fill_from_torchvision(run.model, config)
        _log.info("Weights %s; %d tensors keep their random ones: %s", config.MODEL.WEIGHTS, len(left), ", ".join(left))
    return run


def _save(run: TrainingRun, path: Path, reporter: Reporter) -> Path:
    save_checkpoint(path, run.checkpoint())
    reporter.checkpoint(path, run.iteration)
    return path
