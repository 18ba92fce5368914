import multiprocessing
import time
from pathlib import Path

import pytest
import torch

from deeplab.datasets.layouts.folder import list_folder
from deeplab.datasets.loading import evaluation_samples, training_batches
from deeplab.datasets.sample import Sample
from deeplab.datasets.split import SplitDataset
from deeplab.datasets.stream import TrainingStream
from deeplab.datasets.transforms import Augmentation
from deeplab.errors import DatasetError, ProcessDiedError
from tests.deeplab.drawing import draw_folder

AUGMENT = Augmentation(mean_bgr=(0, 0, 0), crop=24, scales=(0.5, 1.0), base=None, ignore_label=255)


@pytest.fixture
def dataset(tmp_path: Path) -> SplitDataset:
    return SplitDataset("train", list_folder(draw_folder(tmp_path, n_images=5), "train").pairs, 3, ignore_label=255)


class Recorder:
    """Stands where the augmentation stands and keeps the ids that come by."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def __call__(self, sample: Sample, _rng: object) -> tuple[torch.Tensor, torch.Tensor]:
        self.ids.append(sample.id)
        return torch.zeros(3, 1, 1), torch.zeros(1, 1)


def order(dataset: SplitDataset, seed: int, positions: range) -> list[str]:
    recorder = Recorder()
    stream = TrainingStream(dataset, recorder, seed)  # type: ignore[arg-type]
    for position in positions:
        stream[position]
    return recorder.ids


def test_each_epoch_is_a_new_permutation(dataset: SplitDataset) -> None:
    ids = order(dataset, 0, range(15))
    epochs = [tuple(ids[start : start + 5]) for start in (0, 5, 10)]
    assert all(sorted(epoch) == dataset.ids for epoch in epochs)
    assert len(set(epochs)) > 1


def test_the_order_depends_on_seed_and_position_alone(dataset: SplitDataset) -> None:
    assert order(dataset, 0, range(7, 15)) == order(dataset, 0, range(15))[7:]
    assert order(dataset, 0, range(15)) != order(dataset, 1, range(15))


def same(one: tuple[torch.Tensor, torch.Tensor], other: tuple[torch.Tensor, torch.Tensor]) -> bool:
    return torch.equal(one[0], other[0]) and torch.equal(one[1], other[1])


def test_a_sample_is_drawn_again_alike(dataset: SplitDataset) -> None:
    assert same(TrainingStream(dataset, AUGMENT, 3)[9], TrainingStream(dataset, AUGMENT, 3)[9])
    assert not same(TrainingStream(dataset, AUGMENT, 3)[9], TrainingStream(dataset, AUGMENT, 4)[9])


def batches(dataset: SplitDataset, first: int, last: int, n_workers: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    stream = TrainingStream(dataset, AUGMENT, 0)
    return list(training_batches(stream, 2, first=first, last=last, n_workers=n_workers, pin_memory=False))


def test_batches_are_the_same_from_any_start_and_process(dataset: SplitDataset) -> None:
    whole = batches(dataset, 0, 6, n_workers=0)
    rest = batches(dataset, 4, 6, n_workers=1)

    assert [tuple(part.shape) for part in whole[0]] == [(2, 3, 24, 24), (2, 24, 24)]
    assert len(whole) == 6
    assert len(rest) == 2
    assert all(same(one, other) for one, other in zip(whole[4:], rest, strict=True))


def test_evaluation_samples_keep_the_order(dataset: SplitDataset) -> None:
    assert [sample.id for sample in evaluation_samples(dataset, 0)] == dataset.ids


@pytest.mark.parametrize("n_workers", [0, 1])
def test_what_cannot_be_read_is_one_sentence(dataset: SplitDataset, n_workers: int) -> None:
    dataset.n_classes = 2
    with pytest.raises(DatasetError) as caught:
        list(evaluation_samples(dataset, n_workers))
    assert (
        str(caught.value)
        == f"{dataset.pairs[0].ground_truth.path}: the mask holds the value 2; expected classes 0 to 1 or 255."
    )


def test_the_death_of_a_reader_is_told_to_who_reads_and_nowhere_else(dataset: SplitDataset) -> None:
    others = set(multiprocessing.active_children())
    samples = evaluation_samples(dataset, 1)
    next(samples)
    (reader,) = set(multiprocessing.active_children()) - others
    reader.kill()
    reader.join()
    time.sleep(0.1)  # in which the signal arrives
    with pytest.raises(ProcessDiedError, match="A process that reads images was killed"):
        list(samples)
