from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deeplab.config import Config, parse_config
from deeplab.datasets.check import check_dataset
from deeplab.datasets.report import DatasetReport, SizeMismatch, UnknownValues
from deeplab.errors import ConfigError, DatasetError
from deeplab.reporter import SilentReporter, Stopped
from tests.deeplab.datasets.arrangements import LAYOUTS, arrange, draw_sources
from tests.deeplab.drawing import write_pair
from tests.reporters import Recorder

LABEL = np.array([[0, 0, 0, 1, 255]] * 4, np.uint8)
IMAGE = np.zeros((4, 5, 3), np.uint8)


def config(root: Path, **dataset: Any) -> Config:
    return parse_config({"DATASET": {"N_CLASSES": 2, "ROOT": str(root), **dataset}}, "test")


def check(settings: Config, *splits: str) -> DatasetReport:
    return check_dataset(settings, SilentReporter(), splits=splits, n_workers=1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A dataset with the pairs a to e; train has a to c."""
    for name in "abcde":
        write_pair(tmp_path, name, IMAGE, LABEL)
    (tmp_path / "train.txt").write_text("a\nb\nc\n")
    (tmp_path / "val.txt").write_text("d\ne\n")
    return tmp_path


@pytest.mark.parametrize("n_workers", [1, 2])
def test_good_dataset(root: Path, n_workers: int) -> None:
    recorder = Recorder()
    report = check_dataset(config(root), recorder, n_workers=n_workers)
    assert report.n_problems == 0
    assert report.class_names == ["class 0", "class 1"]
    train, val, test = report.splits
    assert (train.n_ids, train.n_read) == (3, 3)
    assert train.pixels == [3 * 12, 3 * 4]
    assert train.images == [3, 3]
    assert train.ignored == 3 * 4
    assert val.pixels == [2 * 12, 2 * 4]
    assert test.skipped == f"{root}/test.txt: the split list does not exist."
    assert recorder.progressed == [(done, 5, "image") for done in range(1, 6)]


def test_everything_that_can_be_wrong_is_found_at_once(root: Path) -> None:
    (root / "images/a.png").unlink()
    (root / "masks/b.png").unlink()
    (root / "images/c.png").write_bytes(b"no image")
    Image.fromarray(LABEL[:3]).save(root / "masks/d.png")
    Image.fromarray(LABEL + np.uint8(3)).save(root / "masks/e.png")
    report = check(config(root))
    train, val, _ = report.splits
    assert train.missing == [f"{root}/images/a", f"{root}/masks/b"]
    assert len(train.unreadable) == 1
    assert train.unreadable[0].startswith(f"{root}/images/c.png: is not an image")
    assert (train.n_ids, train.n_read, train.n_problems) == (3, 0, 3)
    assert val.mismatches == [SizeMismatch(f"{root}/images/d.png", (4, 5), f"{root}/masks/d.png", (3, 5))]
    assert val.unknown_values == [UnknownValues(f"{root}/masks/e.png", {3: 12, 4: 4, 2: 4})]
    assert val.pixels == [9, 3]
    assert report.n_problems == 5


def test_broken_masks_are_found(root: Path) -> None:
    (root / "masks/d.png").write_bytes((root / "masks/d.png").read_bytes()[:50])
    (unread,) = check(config(root), "val").splits[0].unreadable
    assert unread.startswith(f"{root}/masks/d.png: cannot be read")


def test_split_that_is_not_there_does_not_hide_the_others(root: Path) -> None:
    (root / "val.txt").unlink()
    train, val, _ = check(config(root)).splits
    assert train.n_problems == 0
    assert val.error == f"{root}/val.txt: the split list does not exist."
    assert val.n_problems == 1


def test_test_split_is_read_if_it_has_labels_and_left_out_if_not(root: Path) -> None:
    (root / "test.txt").write_text("a\nd\n")
    assert check(config(root)).splits[2].n_read == 2
    for name in "fg":
        Image.fromarray(IMAGE).save(root / f"images/{name}.png")
    (root / "test.txt").write_text("f\ng\n")
    report = check(config(root))
    assert report.splits[2].skipped == "It has no labels."
    assert report.n_problems == 0
    assert check(config(root), "test").n_problems == 2  # it was asked for


def test_labels_file_of_another_dataset_is_refused(root: Path) -> None:
    (root / "labels.txt").write_text("0\tsky\n1\troad\n2\tcar\n")
    with pytest.raises(DatasetError, match=r"names 3 classes, but DATASET\.N_CLASSES is 2"):
        check(config(root, LABELS=str(root / "labels.txt")))


def test_names_of_the_labels_file_are_reported(root: Path) -> None:
    (root / "labels.txt").write_text("0\tsky\n1\troad\n")
    assert check(config(root, LABELS=str(root / "labels.txt"))).class_names == ["sky", "road"]


def test_scripts_rely_on_the_fields_of_the_json(root: Path) -> None:
    report = check(config(root)).as_json()
    assert list(report) == ["labels", "splits"]
    assert set(report["splits"][0]) == {
        "split",
        "n_ids",
        "n_read",
        "error",
        "skipped",
        "missing",
        "unreadable",
        "mismatches",
        "strange",
        "pixels",
        "images",
        "ignored",
    }


def test_empty_root_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"DATASET\.ROOT is empty"):
        check(parse_config({"DATASET": {"N_CLASSES": 2}}, "test"))


@pytest.mark.parametrize("n_workers", [1, 2])
def test_it_stops_when_asked(root: Path, n_workers: int) -> None:
    recorder = Recorder(stop_after=0)
    with pytest.raises(Stopped):
        check_dataset(config(root), recorder, n_workers=n_workers)
    assert len(recorder.progressed) == 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_can_be_checked(tmp_path: Path, layout: str) -> None:
    sources = draw_sources(tmp_path / "drawn", n=3, n_classes=5)
    settings = config(tmp_path, **{**arrange(layout, tmp_path / "root", sources, sources), "N_CLASSES": 5})
    report = check(settings)
    assert report.n_problems == 0
    assert [split.n_read for split in report.splits[:2]] == [3, 3]
    fewer = check(config(tmp_path, **{**arrange(layout, tmp_path / "root", sources, sources), "N_CLASSES": 4}))
    assert all(split.error if layout == "coco" else split.unknown_values for split in fewer.splits[:2])


def test_mat_files_without_labels_are_unreadable(tmp_path: Path) -> None:
    sources = draw_sources(tmp_path / "drawn", n=2, n_classes=2)
    settings = config(tmp_path, **arrange("cocostuff10k", tmp_path / "root", sources, sources))
    (tmp_path / "root/annotations" / f"{sources[0].id}.mat").write_bytes(b"no matlab file")
    report = check(settings, "train")
    assert "cannot be read as a MATLAB file" in report.splits[0].unreadable[0]
    assert report.n_problems == 1
