from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deeplab.config import Config, parse_config
from deeplab.datasets.checking.samples import Verdict, judge_quickly, look_at_split
from deeplab.datasets.layouts.by_name import list_split
from tests.deeplab.drawing import write_pair

IMAGE = np.zeros((4, 5, 3), np.uint8)
LABEL = np.array([[0, 0, 0, 1, 255]] * 4, np.uint8)


def config(root: Path, **dataset: Any) -> Config:
    return parse_config({"DATASET": {"N_CLASSES": 2, "ROOT": str(root), **dataset}}, "test")


def judge(settings: Config) -> Verdict:
    return judge_quickly(settings, [list_split(settings.DATASET, split) for split in ("train", "val")])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A dataset with the pairs a to d; train has a to c."""
    for name in "abcd":
        write_pair(tmp_path, name, IMAGE, LABEL)
    (tmp_path / "train.txt").write_text("a\nb\nc\n")
    (tmp_path / "val.txt").write_text("d\n")
    return tmp_path


def test_samples_are_spread_over_the_split(root: Path) -> None:
    seen = look_at_split(config(root), "train", most=2)
    assert [each.pair.id for each in seen.samples] == ["a", "c"]
    assert (seen.n_ids, seen.samples[0].size, seen.samples[0].pixels) == (3, (4, 5), {0: 12, 1: 4, 255: 4})
    assert not seen.wrong
    assert not seen.problems


def test_each_sample_says_what_is_wrong_with_it(root: Path) -> None:
    (root / "images/a.png").write_bytes(b"no image")
    write_pair(root, "b", IMAGE[:3], LABEL)
    write_pair(root, "c", IMAGE, LABEL + np.uint8(4))
    unread, misfit, strange = look_at_split(config(root), "train").wrong
    assert unread.problems[0].startswith(f"{root}/images/a.png: is not an image")
    assert misfit.problems == [f"{root}/masks/b.png is 5x4, {root}/images/b.png is 5x3."]
    assert strange.unknown == [3, 4, 5]
    assert strange.problems == [f"{root}/masks/c.png holds the values 3, 4, 5; expected classes 0 to 1 or 255."]


def test_a_split_that_cannot_be_listed_is_a_problem(root: Path) -> None:
    seen = look_at_split(config(root), "test")
    assert seen.problems == [f"{root}/test.txt: the split list does not exist."]


def test_a_good_dataset_raises_no_doubt(root: Path) -> None:
    assert judge(config(root)) == Verdict()


def test_masks_under_other_names_are_a_fault(root: Path) -> None:
    for name in "abcd":
        (root / f"masks/{name}.png").rename(root / f"masks/{name}_mask.png")
    (fault,) = judge(config(root)).faults
    assert fault.startswith(f"No image has a mask. {root}/masks: 3 of 3 files of the split 'train' are missing: a")


def test_a_labels_file_of_too_few_classes_is_a_fault(root: Path) -> None:
    (root / "labels.txt").write_text("0\tsky\n1\troad\n")
    write_pair(root, "c", IMAGE, LABEL + np.uint8(4))
    (fault,) = judge(config(root, LABELS=f"{root}/labels.txt")).faults
    assert fault == (
        f"{root}/masks/c.png holds the values 3, 4, 5; expected classes 0 to 1 or 255; {root}/labels.txt names 2"
        " classes."
    )


def test_nothing_but_broken_images_is_a_fault(root: Path) -> None:
    for name in "abcd":
        (root / f"images/{name}.png").write_bytes(b"no image")
    (fault,) = judge(config(root)).faults
    assert fault.startswith(f"Something is wrong with all 4 images looked at: {root}/images/a.png: is not an image")


def test_single_problems_are_doubts(root: Path) -> None:
    (root / "images/a.png").write_bytes(b"no image")
    (root / "masks/b.png").unlink()
    verdict = judge(config(root))
    assert not verdict.faults
    missing, unread = verdict.doubts
    assert missing == f"{root}/masks: 1 of 3 files of the split 'train' are missing: b."
    assert unread.startswith(f"1 of 2 images of train looked at: {root}/images/a.png: is not an image")


def test_a_split_without_masks_raises_no_doubt(root: Path) -> None:
    (root / "masks/d.png").unlink()
    assert judge(config(root)) == Verdict()
