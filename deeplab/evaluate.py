"""Score a checkpoint on a split, in memory that does not grow with the number of images."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import torch

from deeplab.catalog import LogitsDtype
from deeplab.config import Config
from deeplab.datasets.loading import evaluation_samples
from deeplab.datasets.sample import Sample
from deeplab.datasets.split import SplitDataset, open_split
from deeplab.distributed import ALONE, World, joined_world
from deeplab.errors import DatasetError
from deeplab.inference.label_maps import best_classes
from deeplab.inference.segmenter import Segmenter
from deeplab.logits import save_logits
from deeplab.metrics import ConfusionMatrix, Scores
from deeplab.models.load import load_model
from deeplab.reporter import Reporter, Stopped


def evaluate(
    config: Config,
    checkpoint: Path | None,
    reporter: Reporter,
    *,
    split: str | None = None,
    device: str = "auto",
    logits_dir: Path | None = None,
    logits_dtype: LogitsDtype = "float32",
) -> Scores:
    """Compare a network's label maps with the masks of a split, at the size of the images.

    Several processes, as torchrun starts them, share the images; each returns the scores of all.

    Args:
        config: all settings; SOLVER.BATCH_SIZE.TEST images of equal size share a forward pass.
        checkpoint: the weights; None: those that MODEL.WEIGHTS names.
        reporter: hears of each image; can stop the run.
        split: name of the split; None: DATASET.SPLIT.VAL.
        device: "auto", "cpu", "cuda" or "cuda:1".
        logits_dir: folder for the network's output, (C, h, w) in `<id>.npy` for each image; None: it is not saved.
        logits_dtype: of those files; see `save_logits`.

    Raises:
        Stopped: if the reporter asked for it; complete files of logits stay.
        DeepLabError: if the checkpoint or a file of the dataset is missing or wrong, or no pixel has a class.
    """
    with joined_world() as world:
        with world.together():
            segmenter = Segmenter(load_model(config, checkpoint), config, device=world.choose_device(device))
            dataset = open_split(config, split or config.DATASET.SPLIT.VAL)
            counted = _count(segmenter, dataset, reporter, "image", logits_dir, logits_dtype, world)
            counts, n_images = torch.from_numpy(counted.counts()), torch.tensor(counted.n_images)
        confusion = ConfusionMatrix(config.DATASET.N_CLASSES)
        confusion.add(world.all_reduce_sum(counts).numpy(), int(world.all_reduce_sum(n_images)))
    return _scores(confusion, config, dataset)


def score(
    segmenter: Segmenter,
    dataset: SplitDataset,
    reporter: Reporter,
    *,
    unit: str = "image",
    logits_dir: Path | None = None,
    logits_dtype: LogitsDtype = "float32",
) -> Scores:
    """Compare the label maps of a network in memory with the masks of a split; otherwise like `evaluate`.

    Args:
        segmenter: the network, with its configuration.
        dataset: the split.
        reporter: hears of each image; can stop the run.
        unit: of the progress that the reporter hears.
        logits_dir, logits_dtype: as for `evaluate`.
    """
    confusion = _count(segmenter, dataset, reporter, unit, logits_dir, logits_dtype)
    return _scores(confusion, segmenter.config, dataset)


def _count(
    segmenter: Segmenter,
    dataset: SplitDataset,
    reporter: Reporter,
    unit: str,
    logits_dir: Path | None,
    logits_dtype: LogitsDtype,
    world: World = ALONE,
) -> ConfusionMatrix:
    """Count the pixels of this process's share of a split; the others are assumed to be as far."""
    config = segmenter.config
    confusion = ConfusionMatrix(config.DATASET.N_CLASSES, segmenter.device)
    own = dataset.part(world.rank, world.size)
    with closing(evaluation_samples(own, config.DATALOADER.NUM_WORKERS)) as samples:
        for batch in group_equal_sizes(samples, config.SOLVER.BATCH_SIZE.TEST):
            for sample, logits in zip(batch, segmenter.logits([each.image for each in batch]), strict=True):
                labels = segmenter.to_device(torch.from_numpy(sample.label_map))
                confusion.update(labels, best_classes(logits, *sample.label_map.shape))
                if logits_dir is not None:
                    save_logits(logits_dir / f"{sample.id}.npy", logits.cpu().numpy(), logits_dtype)
            reporter.progress(min(confusion.n_images * world.size, len(dataset)), len(dataset), unit)
            if reporter.should_stop():
                raise Stopped
    return confusion


def _scores(confusion: ConfusionMatrix, config: Config, dataset: SplitDataset) -> Scores:
    try:
        return confusion.scores()
    except ValueError:
        raise DatasetError(f"{config.DATASET.ROOT}: no pixel of the split {dataset.name!r} has a class.") from None


def group_equal_sizes(samples: Iterable[Sample], size: int) -> Iterator[list[Sample]]:
    """Cut a stream into batches of at most `size` consecutive samples whose images are equally large."""
    batch: list[Sample] = []
    for sample in samples:
        if batch and (len(batch) == size or batch[0].image.shape != sample.image.shape):
            yield batch
            batch = []
        batch.append(sample)
    if batch:
        yield batch
