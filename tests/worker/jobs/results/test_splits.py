import json
import os
import time
from pathlib import Path

import pytest

from deeplab.errors import DatasetError
from deeplab.schema import Dataset
from tests.web.scenes import make_dataset
from worker.jobs.results import splits
from worker.jobs.results.splits import SplitRef, find_id, find_pair


def split_in(root: Path, name: str = "train", **keys: object) -> SplitRef:
    section = Dataset.model_validate({"NAME": "folder", "ROOT": str(root), "N_CLASSES": 3, **keys})
    return SplitRef(json.dumps(section.model_dump(mode="json"), sort_keys=True), name)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "shapes")


def test_an_id_finds_its_files_and_a_file_its_id(root: Path) -> None:
    found = find_pair(split_in(root), "1")
    assert (found.pair.image, found.pair.ground_truth.path) == (root / "images/1.png", root / "masks/1.png")
    assert found.labelled
    assert find_id(split_in(root), root / "images" / "1.png") == "1"
    assert find_id(split_in(root, "val"), root / "images" / "1.png") is None


def test_a_file_is_found_through_a_link_to_the_dataset(root: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(root)
    assert find_id(split_in(link), root / "images" / "1.png") == "1"
    assert find_id(split_in(root), link / "images" / "1.png") == "1"


def test_an_image_without_a_mask_is_found(root: Path) -> None:
    (root / "masks" / "2.png").unlink()
    assert not find_pair(split_in(root), "2").labelled


def test_an_image_that_is_no_longer_listed_is_a_sentence(root: Path) -> None:
    with pytest.raises(DatasetError, match=r"The split 'train' of .* has no image '77' any more\."):
        find_pair(split_in(root), "77")


def test_a_split_is_listed_anew_when_its_files_have_moved(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splits, "_PATIENCE", -1.0)
    assert find_pair(split_in(root), "1").pair.image == root / "images" / "1.png"
    (root / "images" / "1.png").rename(root / "images" / "1.bmp")
    assert find_pair(split_in(root), "1").pair.image == root / "images" / "1.bmp"
    later = time.time() + 5
    os.utime(root / "masks" / "0.png", (later, later))  # of some layouts one such file holds the truth of all images
    listing = splits._list(split_in(root))
    find_pair(split_in(root), "1")
    assert splits._list(split_in(root)) is listing
    find_pair(split_in(root), "0")
    assert splits._list(split_in(root)) is not listing


def test_ids_mean_the_same_in_splits_of_one_name_and_dataset(root: Path, tmp_path: Path) -> None:
    here = split_in(root)
    assert here.has_images_of(split_in(root, IGNORE_LABEL=254))
    assert not here.has_images_of(split_in(root, "val"))
    assert not here.has_images_of(split_in(tmp_path))
