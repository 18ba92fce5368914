"""Scores of a checkpoint on a split, streamed: memory does not grow with the number of images."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import torch

from deeplab.catalog import LogitsDtype
from deeplab.config import Config
from deeplab.datasets.loading import evaluation_samples
from deeplab.datasets.sample import Sample
from deeplab.datasets.split import SplitDataset, open_split
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
    """Compare the network's labels with the masks of a split, at the images' own size.

    Args:
        config: all settings; SOLVER.BATCH_SIZE.TEST images of equal size share a forward pass.
        checkpoint: the weights; None takes those that MODEL.WEIGHTS names.
        reporter: hears of each image; can stop the run.
        split: name of the split; DATASET.SPLIT.VAL unless given.
        device: "auto", "cpu", "cuda" or "cuda:1".
        logits_dir: if given, where to leave `<id>.npy` for each image: (C, h, w) as the network puts it out.
        logits_dtype: of those files; see `save_logits`.

    Raises:
        Stopped: when the reporter asked for it; complete logits files stay.
        DeepLabError: if the checkpoint or a file of the dataset is missing or wrong, or no pixel has a class.
    """
    segmenter = Segmenter(load_model(config, checkpoint), config, device=device)
    dataset = open_split(config, split or config.DATASET.SPLIT.VAL)
    return score(segmenter, dataset, reporter, logits_dir=logits_dir, logits_dtype=logits_dtype)


def score(
    segmenter: Segmenter,
    dataset: SplitDataset,
    reporter: Reporter,
    *,
    unit: str = "image",
    logits_dir: Path | None = None,
    logits_dtype: LogitsDtype = "float32",
) -> Scores:
    """Compare the labels of a network in memory with the masks of a dataset; otherwise as `evaluate`.

    Args:
        segmenter: the network, with the settings to read images by.
        dataset: the split.
        reporter: hears of each image; can stop the run.
        unit: by which the reporter counts them.
        logits_dir, logits_dtype: as for `evaluate`.
    """
    config = segmenter.config
    confusion = ConfusionMatrix(config.DATASET.N_CLASSES, segmenter.device)
    with closing(evaluation_samples(dataset, config.DATALOADER.NUM_WORKERS)) as samples:
        for batch in group_equal_sizes(samples, config.SOLVER.BATCH_SIZE.TEST):
            for sample, logits in zip(batch, segmenter.logits([each.image for each in batch]), strict=True):
                labels = segmenter.to_device(torch.from_numpy(sample.label_map))
                confusion.update(labels, best_classes(logits, *sample.label_map.shape))
                if logits_dir is not None:
                    save_logits(logits_dir / f"{sample.id}.npy", logits.cpu().numpy(), logits_dtype)
            reporter.progress(confusion.n_images, len(dataset), unit)
            if reporter.should_stop():
                raise Stopped
    try:
        return confusion.scores()
    except ValueError:
        raise DatasetError(f"{config.DATASET.ROOT}: no pixel of the split {dataset.name!r} has a class.") from None


def group_equal_sizes(samples: Iterable[Sample], size: int) -> Iterator[list[Sample]]:
    """Cut a stream into batches of at most `size` neighbours whose images have one size. Keeps the order."""
    batch: list[Sample] = []
    for sample in samples:
        if batch and (len(batch) == size or batch[0].image.shape != sample.image.shape):
            yield batch
            batch = []
        batch.append(sample)
    if batch:
        yield batch
