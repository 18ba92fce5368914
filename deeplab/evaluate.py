"""Score a checkpoint on a split, in memory that does not grow with the number of images."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from deeplab.catalog import LogitsDtype
from deeplab.config import Config
from deeplab.datasets.loading import evaluation_samples
from deeplab.datasets.sample import Sample
from deeplab.datasets.split import SplitDataset, open_split
from deeplab.distributed import ALONE, World, joined_world
from deeplab.errors import DatasetError, LabelError
from deeplab.images.masks import write_mask
from deeplab.inference.label_maps import best_classes
from deeplab.inference.prediction import Prediction
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
    masks_dir: Path | None = None,
) -> Scores:
    """Compare a model's label maps with the masks of a split, at the size of the images.

    Several processes, as torchrun starts them, share the images; each returns the scores of all.

    Args:
        config: all settings; SOLVER.BATCH_SIZE.TEST images of equal size share a forward pass.
        checkpoint: the weights; None: those that MODEL.WEIGHTS names.
        reporter: hears of each image; can stop the run.
        split: name of the split; None: DATASET.SPLIT.VAL.
        device: "auto", "cpu", "cuda" or "cuda:1".
        logits_dir: folder for the model's output, (C, h, w) in `<id>.npy` for each image; at the size of the image if
            it looks by windows or under several views; None: it is not saved.
        logits_dtype: of those files; see `save_logits`.
        masks_dir: if given, where to leave the model's own masks, `<id>.png`.

    Raises:
        Stopped: if the reporter asked for it; complete files of logits stay.
        DeepLabError: if the checkpoint or a file of the dataset is missing or wrong, an image cannot be labelled, or no
            pixel has a class.
    """
    keep = _Keep(logits_dir, logits_dtype, masks_dir)
    dataset, confusion = _look_together(config, checkpoint, reporter, split or config.DATASET.SPLIT.VAL, device, keep)
    return _require_scores(config, dataset, confusion)


def label_split(
    config: Config,
    checkpoint: Path | None,
    reporter: Reporter,
    masks_dir: Path,
    *,
    split: str,
    device: str = "auto",
    logits_dir: Path | None = None,
    logits_dtype: LogitsDtype = "float32",
) -> int:
    """Leave the model's masks, `<id>.png`, of a split that has no ground truth; otherwise as `evaluate`.

    Returns:
        How many images it has.
    """
    keep = _Keep(logits_dir, logits_dtype, masks_dir)
    return _look_together(config, checkpoint, reporter, split, device, keep, labelled=False)[1].n_images


def score(
    segmenter: Segmenter,
    dataset: SplitDataset,
    reporter: Reporter,
    *,
    unit: str = "image",
) -> Scores:
    """Compare the label maps of a model in memory with the masks of a split; otherwise like `evaluate`.

    Args:
        segmenter: the model, with its configuration.
        dataset: the split.
        reporter: hears of each image; can stop the run.
        unit: of the progress that the reporter hears.
    """
    return _require_scores(segmenter.config, dataset, _look_at_all(segmenter, dataset, reporter, unit, _Keep()))


@dataclass(frozen=True)
class _Keep:
    """Where to leave what the model says of each image; None: nowhere."""

    logits_dir: Path | None = None
    logits_dtype: LogitsDtype = "float32"
    masks_dir: Path | None = None

    def label(self, prediction: Prediction, sample: Sample) -> Tensor:
        """The label map on any device; of saved logits labels are made of these."""
        if self.logits_dir is None:
            labels = prediction.labels()
        else:
            logits = prediction.logits()
            labels = best_classes([logits], *sample.label_map.shape)
        if self.logits_dir is not None and bool(prediction.finite()):
            save_logits(self.logits_dir / f"{sample.id}.npy", logits.cpu().numpy(), self.logits_dtype)
        if self.masks_dir is not None and bool(prediction.finite()):
            write_mask(self.masks_dir / f"{sample.id}.png", labels.cpu().numpy())
        return labels


def _look_together(
    config: Config,
    checkpoint: Path | None,
    reporter: Reporter,
    split: str,
    device: str,
    keep: _Keep,
    *,
    labelled: bool = True,
) -> tuple[SplitDataset, ConfusionMatrix]:
    """Count a split, of which each process looks at its share; each returns the counts of all."""
    with joined_world() as world:
        with world.together():
            segmenter = Segmenter(load_model(config, checkpoint), config, device=world.choose_device(device))
            dataset = open_split(config, split, labelled=labelled)
            counted = _look_at_all(segmenter, dataset, reporter, "image", keep, world)
            counts, n_images = torch.from_numpy(counted.counts()), torch.tensor(counted.n_images)
        confusion = ConfusionMatrix(config.DATASET.N_CLASSES)
        confusion.add(world.all_reduce_sum(counts).numpy(), int(world.all_reduce_sum(n_images)))
    return dataset, confusion


def _look_at_all(
    segmenter: Segmenter, dataset: SplitDataset, reporter: Reporter, unit: str, keep: _Keep, world: World = ALONE
) -> ConfusionMatrix:
    """Count what the model says of this process's share of a split by what the masks say."""
    config = segmenter.config
    own = dataset.part(world.rank, world.size)
    confusion = ConfusionMatrix(config.DATASET.N_CLASSES, segmenter.device)
    check = _FiniteCheck(segmenter, allowance=2 * config.SOLVER.BATCH_SIZE.TEST)

    def tick() -> None:
        n_done = min(confusion.n_images * world.size, len(dataset))  # the others are assumed to be as far
        reporter.progress(n_done, len(dataset), unit)
        if reporter.should_stop():
            raise Stopped

    with closing(evaluation_samples(own, config.DATALOADER.NUM_WORKERS)) as samples:
        for batch in group_equal_sizes(samples, config.SOLVER.BATCH_SIZE.TEST):
            for sample, prediction in zip(batch, _predict(segmenter, batch, tick), strict=True):
                with naming(sample.id):
                    labels = keep.label(prediction, sample)
                check.note(sample.id, prediction.finite())
                confusion.update(segmenter.to_device(torch.from_numpy(sample.label_map)), labels)
            tick()
    check.require()
    return confusion


def _require_scores(config: Config, dataset: SplitDataset, confusion: ConfusionMatrix) -> Scores:
    try:
        return confusion.scores()
    except ValueError:
        raise DatasetError(f"{config.DATASET.ROOT}: no pixel of the split {dataset.name!r} has a class.") from None


@contextmanager
def naming(image: str) -> Iterator[None]:
    """Let an error say which image could not be labelled."""
    try:
        yield
    except LabelError as error:
        raise LabelError(f"{image}: {error}") from error


def _predict(segmenter: Segmenter, batch: list[Sample], tick: Callable[[], None]) -> Sequence[Prediction]:
    with naming(batch[0].id):
        return segmenter.predictions([each.image for each in batch], tick)


class _FiniteCheck:
    """Finds images whose logits are no numbers without waiting for a GPU: it looks at those of a moment ago."""

    def __init__(self, segmenter: Segmenter, allowance: int) -> None:
        self._segmenter = segmenter
        self._allowance = allowance  # images that may be unchecked
        self._open: deque[tuple[str, Tensor]] = deque()

    def note(self, image: str, finite: Tensor) -> None:
        """Take up an image; check older ones. Raises LabelError at one whose logits are not finite."""
        self._open.append((image, finite))
        while len(self._open) > self._allowance:
            self._require_next()

    def require(self) -> None:
        """Check the rest. Raises LabelError likewise."""
        while self._open:
            self._require_next()

    def _require_next(self) -> None:
        image, finite = self._open.popleft()
        if not bool(finite):
            with naming(image):
                raise self._segmenter.no_numbers()


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
