from pathlib import Path

import pytest

from deeplab.datasets.pairs import MaskFile, Pair, list_files
from deeplab.errors import DatasetError


def pair(root: Path, name: str) -> Pair:
    return Pair(name, root / f"images/{name}.jpg", MaskFile(root / f"masks/{name}.png"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder, names in (("images", ("a.jpg", "b.jpg")), ("masks", ("b.png", "c.png"))):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).touch()
    return tmp_path


def test_pairs_and_what_is_missing(root: Path) -> None:
    listing = list_files("val", (pair(root, name) for name in "abcd"))
    assert listing.pairs == [pair(root, "b")]
    assert listing.n_ids == 4
    assert listing.missing == {root / "images": ["c.jpg", "d.jpg"], root / "masks": ["a.png", "d.png"]}
    with pytest.raises(DatasetError) as caught:
        listing.require_complete()
    assert str(caught.value) == (
        f"{root}/masks: 2 of 4 files of the split 'val' are missing: a.png, d.png;"
        f" {root}/images: 2 of 4 files of the split 'val' are missing: c.jpg, d.jpg."
    )


def test_complete_listing(root: Path) -> None:
    assert list_files("val", [pair(root, "b")]).require_complete() == [pair(root, "b")]


def test_folder_that_is_missing_or_a_file(root: Path) -> None:
    with pytest.raises(DatasetError, match=r"none/images: the folder does not exist\.$"):
        list_files("val", [pair(root / "none", "a")])
    with pytest.raises(DatasetError, match=r"a\.jpg/images: the folder does not exist\.$"):
        list_files("val", [pair(root / "images/a.jpg", "a")])


@pytest.mark.parametrize("name", ["../b", "/etc/b", "a/../../b"])
def test_ids_that_lead_out_are_refused(root: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="of the split 'val' leads out of the dataset"):
        list_files("val", [Pair(name, root / "images/b.jpg", MaskFile(root / "masks/b.png"))])
