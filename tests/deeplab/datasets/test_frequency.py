from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.config import parse_config
from deeplab.datasets.frequency import Frequency, count_classes
from deeplab.datasets.split import SplitDataset, open_split
from deeplab.reporter import Stopped
from tests.deeplab.drawing import write_pair
from tests.reporters import Recorder

MASKS = [[[0, 0, 0, 1]], [[0, 0, 255, 255]], [[3, 3, 1, 1]]]  # class 2 does not occur


@pytest.fixture
def dataset(tmp_path: Path) -> SplitDataset:
    for number, mask in enumerate(MASKS):
        label_map = np.array(mask, np.uint8)
        write_pair(tmp_path, str(number), np.zeros((*label_map.shape, 3), np.uint8), label_map)
    (tmp_path / "train.txt").write_text("0\n1\n2\n")
    return open_split(parse_config({"DATASET": {"N_CLASSES": 4, "ROOT": str(tmp_path)}}, "test"), "train")


@pytest.mark.parametrize("n_workers", [0, 1])
def test_classes_are_counted(dataset: SplitDataset, n_workers: int) -> None:
    reporter = Recorder()
    counted = count_classes(dataset, reporter, n_workers=n_workers)
    assert counted.pixels.tolist() == [5, 3, 0, 2]
    assert counted.surroundings.tolist() == [6, 8, 0, 4]
    assert reporter.progressed == [(i, 3, "mask") for i in (1, 2, 3)]


def test_the_parts_that_processes_count_add_up(dataset: SplitDataset) -> None:
    parts = [count_classes(dataset.part(rank, 2), Recorder(), n_workers=0) for rank in (0, 1)]
    assert (parts[0].pixels + parts[1].pixels).tolist() == [5, 3, 0, 2]
    assert count_classes(dataset.part(3, 4), Recorder(), n_workers=0).pixels.tolist() == [0, 0, 0, 0]


def test_counting_can_be_stopped(dataset: SplitDataset) -> None:
    reporter = Recorder(stop_after=1)
    with pytest.raises(Stopped):
        count_classes(dataset, reporter, n_workers=0)
    assert len(reporter.progressed) == 1


def test_images_need_not_be_read(dataset: SplitDataset) -> None:
    Image.new("L", (1, 1)).save(dataset.pairs[0].image)
    assert count_classes(dataset.part(0, 3), Recorder(), n_workers=0).pixels.tolist() == [3, 1, 0, 0]


def test_weights_by_hand() -> None:
    frequency = Frequency(np.array([5, 3, 0, 2]), np.array([6, 8, 0, 4]))
    assert frequency.weights("inverse").tolist() == pytest.approx([10 / (3 * 5), 10 / (3 * 3), 0, 10 / (3 * 2)])
    assert frequency.weights("median_frequency").tolist() == pytest.approx([0.5 / (5 / 6), 0.5 / (3 / 8), 0, 1])
    with pytest.raises(ValueError, match="no pixel has a class"):
        Frequency(np.zeros(2, np.int64), np.zeros(2, np.int64)).weights("inverse")
