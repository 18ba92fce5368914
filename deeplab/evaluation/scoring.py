"""Count what a model says of the images of a split by what their masks say."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplab.catalog import LogitsDtype
from deeplab.datasets.loading import evaluation_samples
from deeplab.datasets.sample import Sample
from deeplab.datasets.split import SplitDataset
from deeplab.distributed import ALONE, World
from deeplab.errors import LabelError
from deeplab.evaluation.transfer import Transfer
from deeplab.images.grey import write_grey
from deeplab.images.masks import write_mask
from deeplab.inference.label_maps import best_classes
from deeplab.inference.prediction import Prediction
from deeplab.inference.segmenter import Segmenter
from deeplab.logits import save_logits
from deeplab.reporter import Reporter, Stopped
from deeplab.scores.certainty import CertaintyCount
from deeplab.scores.image_scores import ImageScores
from deeplab.scores.metrics import ConfusionMatrix
from deeplab.scores.observation import Watch, image_scores


@dataclass(frozen=True)
class Keep:
    """Where to leave what the model says of each image; None: nowhere."""

    logits_dir: Path | None = None
    logits_dtype: LogitsDtype = "float32"
    masks_dir: Path | None = None
    confidence_dir: Path | None = None

    def label(self, prediction: Prediction, sample: Sample, certainty: CertaintyCount | None) -> Tensor:
        """The label map on any device; of saved logits labels are made of these. `certainty` hears of all pixels."""
        if self.logits_dir is None:
            labels = prediction.labels(certainty)
        else:
            logits = prediction.logits()
            labels = best_classes([logits], *sample.label_map.shape, certainty=certainty)
        if any((self.logits_dir, self.masks_dir, self.confidence_dir)) and bool(prediction.finite()):
            self._save_maps(sample.id, labels, certainty)
            if self.logits_dir is not None:
                save_logits(self.logits_dir / f"{sample.id}.npy", logits.cpu().numpy(), self.logits_dtype)
        return labels

    def _save_maps(self, image: str, labels: Tensor, certainty: CertaintyCount | None) -> None:
        if self.masks_dir is not None:
            write_mask(self.masks_dir / f"{image}.png", labels.cpu().numpy())
        if self.confidence_dir is not None and certainty is not None:
            write_grey(self.confidence_dir / f"{image}.png", certainty.confidence().cpu().numpy())


@dataclass(frozen=True)
class _Seen:
    """An image that was labelled, though a GPU may still be at it."""

    id: str
    label_map: NDArray[np.uint8]  # (H, W), the ground truth
    transfer: Transfer  # whether the logits are finite; of a watched image also its counts and what else is noted
    seconds: float = 0.0


class Look:
    """A model's look at this process's share of a split.

    Args:
        segmenter: the model, with its configuration.
        dataset: the split.
        keep: where to leave masks and logits.
        watch: what to note of each image; None: nothing.
        world: the processes that share the split.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        dataset: SplitDataset,
        keep: Keep,
        *,
        watch: Watch | None = None,
        world: World = ALONE,
    ) -> None:
        self._segmenter = segmenter
        self._dataset = dataset
        self._keep = keep
        self._watch = watch
        self._world = world
        self._batch_size = segmenter.config.SOLVER.BATCH_SIZE.TEST
        self.confusion = ConfusionMatrix(segmenter.config.DATASET.N_CLASSES, segmenter.device)

    def images(self, reporter: Reporter, unit: str) -> Generator[ImageScores, None, None]:
        """Label and count image after image, and yield each, if they are watched, some batches later.

        Until then a GPU has had the time to compute what is noted of it, so that nothing waits.

        Args:
            reporter: hears of each batch; can stop the look.
            unit: of the progress that the reporter hears.

        Raises:
            Stopped: if the reporter asked for it.
            DeepLabError: if an image cannot be read or labelled, or its files cannot be written.
        """
        waiting: deque[_Seen] = deque()
        start = time.monotonic()
        with closing(self._samples()) as samples:
            for batch in group_equal_sizes(samples, self._batch_size):
                predictions = self._predict(batch, lambda: self._tick(reporter, unit))
                seen = [self._see(*each) for each in zip(batch, predictions, strict=True)]
                self._tick(reporter, unit)
                arrived = [self._note(waiting.popleft()) for _ in range(len(waiting) - self._batch_size)]
                seconds = (time.monotonic() - start) / len(batch)
                waiting.extend(replace(each, seconds=seconds) for each in seen)
                yield from filter(None, arrived)
                start = time.monotonic()
        yield from filter(None, map(self._note, waiting))

    def confusion_of_all(self) -> ConfusionMatrix:
        """The counts of all processes, in the computer's memory; each must ask."""
        counts, n_images = torch.from_numpy(self.confusion.counts()), torch.tensor(self.confusion.n_images)
        total = ConfusionMatrix(self.confusion.n_classes)
        total.add(self._world.all_reduce_sum(counts).numpy(), int(self._world.all_reduce_sum(n_images)))
        return total

    def _samples(self) -> Generator[Sample, None, None]:
        own = self._dataset.part(self._world.rank, self._world.size)
        return evaluation_samples(own, self._segmenter.config.DATALOADER.NUM_WORKERS)

    def _tick(self, reporter: Reporter, unit: str) -> None:
        total = len(self._dataset)
        # The others are assumed to be as far.
        reporter.progress(min(self.confusion.n_images * self._world.size, total), total, unit)
        if reporter.should_stop():
            raise Stopped

    def _predict(self, batch: list[Sample], tick: Callable[[], None]) -> Sequence[Prediction]:
        with naming(batch[0].id):
            return self._segmenter.predictions([each.image for each in batch], tick)

    def _see(self, sample: Sample, prediction: Prediction) -> _Seen:
        label_map = self._segmenter.to_device(torch.from_numpy(sample.label_map))
        certainty = self._certainty_of(label_map)
        with naming(sample.id):
            labels = self._keep.label(prediction, sample, certainty)
        noted = {"finite": prediction.finite()}
        counts = self.confusion.update(label_map, labels)
        if self._watch is not None:
            noted["counts"] = counts
            if self._watch.boundaries:
                noted["labels"] = labels
            if self._watch.certainty and certainty is not None:
                noted["sums"] = certainty.sums()
        return _Seen(sample.id, sample.label_map, Transfer(noted))

    def _certainty_of(self, label_map: Tensor) -> CertaintyCount | None:
        keeps_map = self._keep.confidence_dir is not None
        if not keeps_map and (self._watch is None or not self._watch.certainty):
            return None
        return CertaintyCount(self.confusion.n_classes, label_map, keeps_map=keeps_map)

    def _note(self, seen: _Seen) -> ImageScores | None:
        """What is noted of an image, if it is watched. Raises LabelError if its logits are not finite."""
        arrived = {name: each.numpy() for name, each in seen.transfer.arrived().items()}
        if not arrived["finite"]:
            with naming(seen.id):
                raise self._segmenter.no_numbers()
        if self._watch is None:
            return None
        return image_scores(
            seen.id,
            seen.label_map,
            arrived["counts"],
            seconds=seen.seconds,
            sums=arrived.get("sums"),
            predicted=arrived.get("labels"),
        )


@contextmanager
def naming(image: str) -> Iterator[None]:
    """Let an error say which image could not be labelled."""
    try:
        yield
    except LabelError as error:
        raise LabelError(f"{image}: {error}") from error


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
