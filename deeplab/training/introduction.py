"""What a training says at its start: where it runs, what it trains on and from, and where its files go."""

import logging
from collections.abc import Sequence
from pathlib import Path

import torch

from deeplab.catalog import IMAGENET_WEIGHTS
from deeplab.datasets.checking.mask_scan import scan_masks
from deeplab.datasets.split import SplitDataset
from deeplab.files import printable
from deeplab.formats import list_briefly, plural
from deeplab.training.checkpoint import Checkpoint
from deeplab.training.run import TrainingRun

_log = logging.getLogger(__name__)


def introduce(run: TrainingRun, split: SplitDataset, weights: str, output_dir: Path) -> None:
    """Log a line each about the device, dataset, model, weights and output folder of a run, and what looks wrong.

    Args:
        run: at its first iteration.
        split: to train on; some of its masks are read.
        weights: the line about them.
        output_dir: folder of the checkpoints.
    """
    dataset = run.config.DATASET
    n_images = plural(len(split), "image")
    _log.info("Device: %s.", _describe_device(run))
    _log.info("Dataset: %s %s, %s in %s.", dataset.NAME, split.name, n_images, printable(dataset.ROOT or ""))
    _log.info("Model: %s with %d classes.", run.config.MODEL.NAME, dataset.N_CLASSES)
    _log.info("%s", weights)
    _log.info("Checkpoints: %s", printable(output_dir))
    for sentence in scan_masks(split.pairs, dataset):
        _log.warning("%s", sentence)


def describe_weights(run: TrainingRun, source: str, unfilled: Sequence[str]) -> str:
    """Say from which weights a training starts, and which tensors stay random.

    Args:
        run: filled already.
        source: file or name of the weights; "" if there are none.
        unfilled: keys of the model that they did not fill.
    """
    section = run.config.MODEL
    if not source:
        frozen = " Batch norm stays frozen, which suits trained weights only: see --train-bn."
        return f"Initial weights: none; all tensors are random.{frozen * run.config.SOLVER.FREEZE_BN}"
    n_tensors = sum(not key.endswith("num_batches_tracked") for key in run.model.state_dict())
    sentence = f"Initial weights: {source}; "
    sentence += (
        f"{len(unfilled)} of {n_tensors} tensors stay random ({list_briefly(unfilled)})." if unfilled else "all fit."
    )
    if source in IMAGENET_WEIGHTS and section.STRIDE_IN == "1x1":
        sentence += " They were trained with the stride in 3x3 convolutions: MODEL.STRIDE_IN=3x3 suits them better."
    return sentence


def describe_resumption(run: TrainingRun, checkpoint: Checkpoint, path: Path) -> str:
    """Say from where a training continues, and what a new length makes of its learning rate."""
    sentence = f"Resumed from {printable(path)} at iteration {checkpoint.iteration}."
    planned, length = checkpoint.config["SOLVER"]["ITER_MAX"], run.config.SOLVER.ITER_MAX
    if planned == length:
        return sentence
    before = checkpoint.optimizer["param_groups"][0]["lr"]
    return (
        f"{sentence} It was planned for {planned} iterations and now ends at {length}: the learning rate is that of"
        f" such a run from here on, {run.learning_rates()[0]:.3g} in place of {before:.3g}."
    )


def _describe_device(run: TrainingRun) -> str:
    """Name the device, and say how many there are."""
    if run.device.type != "cuda":
        return str(run.device)
    name = f"{run.device} ({torch.cuda.get_device_name(run.device)})"
    if run.world.size > 1:
        return f"{name}, one of {run.world.size} processes"
    n_gpus = torch.cuda.device_count()
    return name if n_gpus == 1 else f"{name}, one of {n_gpus} GPUs"
