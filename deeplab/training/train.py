"""Training by the DeepLab v2 protocol, from the first iteration or from a checkpoint on."""

import logging
from collections.abc import Generator, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from deeplab.catalog import BACKBONES
from deeplab.config import Config
from deeplab.datasets.loading import Batch, training_batches
from deeplab.datasets.stream import open_training_stream
from deeplab.errors import ConfigError, DeepLabError
from deeplab.files import make_folder
from deeplab.models.load import fill_from_torchvision
from deeplab.models.weights import load_initial_weights
from deeplab.reporter import Reporter, Stopped
from deeplab.training.checkpoint import checkpoint_path, load_checkpoint
from deeplab.training.checkpoint_folder import CheckpointFolder
from deeplab.training.distributed import World, joined_world
from deeplab.training.log import TrainingLog
from deeplab.training.run import TrainingRun, Validated, require_same_config
from deeplab.training.validation import Validation

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What a training left."""

    checkpoint: Path  # of the last iteration
    best: Validated | None  # the best evaluation; None without SOLVER.EVAL_EVERY
    best_checkpoint: Path | None  # of that iteration; None too if its file, of a run that was resumed, is gone


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
    """Train the network of a config for SOLVER.ITER_MAX iterations.

    On a CPU the result depends on the config, the seed, the initial weights and the number of threads alone, whether
    the run was interrupted and resumed or not, and whether the network is evaluated in between or not.

    Args:
        config: all settings.
        output_dir: folder of the checkpoints; it is made if need be.
        reporter: hears of each iteration, the metrics and the checkpoints; can stop the run.
        logs_dir: folder of the TensorBoard scalars, likewise; None: logs/ in `output_dir`.
        device: "auto", "cpu", "cuda" or "cuda:1".
        resume: checkpoint to continue from; its seed is used, and `init` is not.
        init: weights to start from, in place of MODEL.INIT_MODEL or MODEL.WEIGHTS.
        seed: of the random weights, the order of samples and their augmentation.

    Raises:
        Stopped: when the reporter asked for it, after a checkpoint was saved.
        DeepLabError: if something the config names is missing or wrong, the loss is not finite any more, or a file
            cannot be written.
    """
    with joined_world() as world:
        with world.agreement():
            run = _start(config, world, device, resume, init, seed)
            batches = _read_batches(run)
            record = _Record(output_dir, logs_dir or output_dir / "logs", run, reporter) if world.is_main else None
        with closing(batches), closing(record) if record is not None else nullcontext():
            _iterate(run, batches, record, reporter)
        with world.agreement():
            if record is not None:
                record.save_final()
    return Trained(checkpoint_path(output_dir, None), run.best, _find_best(run, output_dir, resume))


def _iterate(run: TrainingRun, batches: Iterator[Batch], record: "_Record | None", reporter: Reporter) -> None:
    """Train to the end, in step with the other processes.

    Raises:
        Stopped: if one of them was asked to stop, after a checkpoint was saved.
    """
    solver, world = run.config.SOLVER, run.world
    try:
        with world.agreement():
            if record is not None:
                record.before_first_iteration()
        while run.iteration < solver.ITER_MAX:
            with world.agreement():
                if reporter.should_stop():
                    raise Stopped
                own = list(islice(batches, solver.ITER_SIZE))
            run.step(own)
            with world.agreement():
                if record is not None:
                    record.after_iteration()
    except Stopped:
        with world.agreement():
            if record is not None:
                record.save()
        raise


class _Record:
    """What the main process, and no other, reports and writes of a run."""

    def __init__(self, output_dir: Path, logs_dir: Path, run: TrainingRun, reporter: Reporter) -> None:
        self._run = run
        self._validation = Validation(run, reporter)
        self._checkpoints = CheckpointFolder(output_dir, run, reporter)
        for folder in (output_dir, logs_dir):
            make_folder(folder)
        self._log = TrainingLog(logs_dir, run, reporter)

    def before_first_iteration(self) -> None:
        """Evaluate the network if the run was stopped in the middle of that."""
        if self._validation.if_due(self._log):
            self.save()

    def after_iteration(self) -> None:
        """Report the iteration that was just done; evaluate and save the network if it is time to."""
        self._log.after_iteration()
        if self._validation.if_due(self._log) or self._run.iteration % self._run.config.SOLVER.ITER_SAVE == 0:
            self.save()

    def save(self) -> None:
        """Save the state, unless it was saved a moment ago."""
        self._checkpoints.save()

    def save_final(self) -> None:
        """Save the state of a run that is over."""
        self._checkpoints.save_final()

    def close(self) -> None:
        """Flush the scalars to disk."""
        self._log.close()


def _start(
    config: Config, world: World, device_name: str, resume: Path | None, init: Path | None, seed: int
) -> TrainingRun:
    if seed < 0:
        raise DeepLabError(f"The seed must not be negative, got {seed}.")
    if config.MODEL.NAME in BACKBONES:
        raise ConfigError(f"MODEL.NAME {config.MODEL.NAME} classifies whole images; training needs a DeepLab model.")
    device = world.choose_device(device_name)
    torch.backends.cudnn.benchmark = True  # all crops have one size
    if resume is not None:
        checkpoint = load_checkpoint(resume)
        require_same_config(config, checkpoint.config, resume)
        run = TrainingRun(config, device, checkpoint.seed, world)
        run.restore(checkpoint)
        return run
    run = TrainingRun(config, device, seed, world)
    weights = init or (Path(config.MODEL.INIT_MODEL) if config.MODEL.INIT_MODEL else None)
    if weights is not None:
        left = load_initial_weights(run.model, weights)
        _log.info("Weights of %s; %d tensors keep their random ones: %s", weights, len(left), ", ".join(left))
    elif config.MODEL.WEIGHTS is not None:
        left = fill_from_torchvision(run.model, config)
        _log.info("Weights %s; %d tensors keep their random ones: %s", config.MODEL.WEIGHTS, len(left), ", ".join(left))
    return run


def _find_best(run: TrainingRun, output_dir: Path, resume: Path | None) -> Path | None:
    """The best checkpoint: in the folder of this run, or still in that of the run that it continues."""
    folders = [output_dir] if resume is None else [output_dir, resume.parent]
    paths = [checkpoint_path(folder, run.best.iteration) for folder in folders if run.best is not None]
    return next((path for path in paths if path.is_file()), None)


def _read_batches(run: TrainingRun) -> Generator[Batch, None, None]:
    """This process's share of all batches that are left."""
    config, solver = run.config, run.config.SOLVER
    return training_batches(
        open_training_stream(config, config.DATASET.SPLIT.TRAIN, run.seed),
        solver.BATCH_SIZE.TRAIN,
        first=run.iteration * solver.ITER_SIZE,
        last=solver.ITER_MAX * solver.ITER_SIZE,
        n_workers=config.DATALOADER.NUM_WORKERS,
        pin_memory=run.device.type == "cuda",
        share=run.world.share(solver.BATCH_SIZE.TRAIN),
    )
