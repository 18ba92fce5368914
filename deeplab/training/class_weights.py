"""The weights of the classes in the loss, as SOLVER.CLASS_WEIGHTS asks for them."""

import logging

import numpy as np
import torch

from deeplab.datasets.frequency import Frequency, count_classes
from deeplab.datasets.split import SplitDataset
from deeplab.errors import DatasetError
from deeplab.reporter import Reporter
from deeplab.training.run import TrainingRun

_log = logging.getLogger(__name__)


def weigh_classes(run: TrainingRun, dataset: SplitDataset, reporter: Reporter) -> None:
    """Give a run its class weights, unless it needs none or has them from its checkpoint.

    Those that depend on the training split are counted over its masks once; each process counts a part of them.

    Args:
        run: to be given its weights.
        dataset: the training split.
        reporter: hears of each mask; can stop the run.

    Raises:
        Stopped: if the reporter of a process asked for it while the masks were read.
        DatasetError, ImageError: if a mask cannot be read, or no pixel has a class.
    """
    rule = run.config.SOLVER.CLASS_WEIGHTS
    if rule is None or run.class_weights is not None:
        return
    if isinstance(rule, str):
        frequency = _count(run, dataset, reporter)
        try:
            weights = frequency.weights(rule)
        except ValueError:
            raise DatasetError(
                f"{run.config.DATASET.ROOT}: no pixel of the split {dataset.name!r} has a class."
            ) from None
    else:
        weights = np.array(rule, np.float32)
    run.class_weights = torch.from_numpy(weights).to(run.device)
    _log.info("Class weights: %s", ", ".join(f"{weight:.4g}" for weight in weights))


def _count(run: TrainingRun, dataset: SplitDataset, reporter: Reporter) -> Frequency:
    world = run.world
    with world.together():
        own = dataset.part(world.rank, world.size)
        counted = count_classes(own, reporter, n_workers=run.config.DATALOADER.NUM_WORKERS)
    total = world.all_reduce_sum(torch.from_numpy(np.stack([counted.pixels, counted.surroundings]))).numpy()
    return Frequency(*total)
