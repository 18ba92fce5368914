import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deeplab.datasets.layouts.by_name import list_split
from deeplab.datasets.layouts.lists import read_ids
from deeplab.datasets.split import SplitDataset
from deeplab.errors import DatasetError, ImageError
from deeplab.schema import Dataset
from tests.deeplab.drawing import draw_folder, write_pair

IMAGE = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
LABEL = np.array([[0, 1, 2, 255, 0]] * 4, np.uint8)


def open_folder(root: Path, split: str, n_classes: int) -> SplitDataset:
    settings = Dataset(NAME="folder", ROOT=str(root), N_CLASSES=n_classes)
    return SplitDataset(split, list_split(settings, split).require_complete(), n_classes, ignore_label=255)


def listed(root: Path, *ids: str) -> Path:
    """A dataset with one pair per id, listed in the split val."""
    for sample_id in ids:
        write_pair(root, sample_id, IMAGE, LABEL)
    (root / "val.txt").write_text("\n".join(ids))
    return root


def test_a_pair_as_it_is(tmp_path: Path) -> None:
    sample = open_folder(listed(tmp_path, "a"), "val", 3)[0]

    assert sample.id == "a"
    assert np.array_equal(sample.image, IMAGE)
    assert np.array_equal(sample.label_map, LABEL)


def test_the_order_is_the_lists(tmp_path: Path) -> None:
    dataset = open_folder(listed(tmp_path, "b", "city/c d", "ä"), "val", 3)
    assert len(dataset) == 3
    assert [dataset[i].id for i in range(3)] == ["b", "city/c d", "ä"]


def test_files_in_subfolders_and_of_other_kinds(tmp_path: Path) -> None:
    for place in ("images/val", "images/train", "masks/val", "masks/x/y"):
        (tmp_path / place).mkdir(parents=True)
    Image.fromarray(IMAGE).save(tmp_path / "images/val/a.JPG")
    Image.fromarray(IMAGE).save(tmp_path / "images/train/a.jpg")  # of another split with the same id
    Image.fromarray(IMAGE).save(tmp_path / "images/train/b.webp")
    Image.fromarray(LABEL).save(tmp_path / "masks/val/a.png")
    Image.fromarray(LABEL).save(tmp_path / "masks/x/y/b.tif")
    (tmp_path / "val.txt").write_text("a.jpg\nb\n")

    dataset = open_folder(tmp_path, "val", 3)

    assert [pair.image.relative_to(tmp_path).as_posix() for pair in dataset.pairs] == [
        "images/val/a.JPG",
        "images/train/b.webp",
    ]
    assert [pair.ground_truth.path.relative_to(tmp_path).as_posix() for pair in dataset.pairs] == [
        "masks/val/a.png",
        "masks/x/y/b.tif",
    ]
    assert np.array_equal(dataset[1].label_map, LABEL)


def test_palette_masks_are_indices(tmp_path: Path) -> None:
    root = listed(tmp_path, "a")
    mask = Image.fromarray(LABEL)
    mask.putpalette([200, 10, 10] * 256)
    mask.save(root / "masks/a.png")
    assert np.array_equal(open_folder(root, "val", 3)[0].label_map, LABEL)


def refusal(root: Path, split: str = "val") -> str:
    with pytest.raises(DatasetError) as caught:
        open_folder(root, split, 3)
    return str(caught.value)


def test_missing_folders_and_lists(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none") == f"{tmp_path}/none: the dataset's folder does not exist."
    assert refusal(tmp_path) == f"{tmp_path}/val.txt: the split list does not exist."
    (tmp_path / "val.txt").write_text("a\n")
    assert refusal(tmp_path) == f"{tmp_path}/images: the folder does not exist; expected a folder of images."


def test_missing_partners_are_counted_and_named(tmp_path: Path) -> None:
    root = listed(tmp_path, *(f"{i:02}" for i in range(13)))
    for i in range(12):
        (root / f"masks/{i:02}.png").unlink()

    names = ", ".join(f"{i:02}" for i in range(10))
    assert refusal(root) == f"{root}/masks: 12 of 13 files of the split 'val' are missing: {names} and 2 more."


def test_two_files_for_an_id(tmp_path: Path) -> None:
    root = listed(tmp_path, "a")
    Image.fromarray(IMAGE).save(root / "images/a.bmp")
    assert refusal(root) == f"{root}/images/a.bmp and {root}/images/a.png both belong to 'a'; expected one file."


def test_a_file_for_two_ids(tmp_path: Path) -> None:
    root = listed(tmp_path, "city/a")
    (root / "val.txt").write_text("a\ncity/a\n")
    reason = "belongs to both 'a' and 'city/a' of the split 'val'; expected a file of its own for each id."
    assert refusal(root) == f"{root}/images/city/a.png: {reason}"
    Image.fromarray(IMAGE).save(root / "images/a.png")  # but there is one mask
    assert refusal(root) == f"{root}/masks/city/a.png: {reason}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the split is empty; expected one id per line."),
        (b"\n  \n", "the split is empty; expected one id per line."),
        (b"a\nb\na.jpg\n", "line 3 repeats 'a' of line 1."),
        (b"\xff\n", "the split list cannot be read: "),
    ],
)
def test_malformed_lists_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "val.txt"
    path.write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        read_ids(path)
    assert str(caught.value).startswith(f"{path}: {reason}")


@pytest.mark.parametrize(("listed_as", "stored_as"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_accents_in_either_spelling(tmp_path: Path, listed_as: Any, stored_as: Any) -> None:
    stored, name = (unicodedata.normalize(form, "caf\u00e9") for form in (stored_as, listed_as))
    root = listed(tmp_path, stored)
    (root / "val.txt").write_text(f"{name}\n")
    assert open_folder(root, "val", 3)[0].id == name


def test_what_lies_in_the_place_of_a_missing_file_is_named(tmp_path: Path) -> None:
    root = listed(tmp_path, "a", "b")
    (root / "masks/a.png").rename(root / "masks/a.jpg")
    lossless = "masks must be of a lossless kind: bmp gif png tif tiff webp"
    assert (
        refusal(root)
        == f"{root}/masks: 1 of 2 files of the split 'val' are missing: a (a.jpg is there, but {lossless})."
    )
    (root / "masks/a.jpg").rename(root / "masks/a.png")
    (root / "images/a.png").rename(root / "images/a.mov")
    (root / "images/b.png").rename(root / "images/B.png")
    assert refusal(root).endswith("missing: a (a.mov is there), b (B.png is there).")


def test_sizes_must_agree(tmp_path: Path) -> None:
    root = listed(tmp_path, "a")
    Image.fromarray(LABEL[:3]).save(root / "masks/a.png")
    with pytest.raises(DatasetError) as caught:
        open_folder(root, "val", 3)[0]
    assert str(caught.value) == f"{root}/masks/a.png: the mask is 5x3, but its image {root}/images/a.png is 5x4."


def test_values_must_be_classes(tmp_path: Path) -> None:
    root = listed(tmp_path, "a")
    with pytest.raises(DatasetError) as caught:
        open_folder(root, "val", 2)[0]
    assert str(caught.value) == f"{root}/masks/a.png: the mask holds the value 2; expected classes 0 to 1 or 255."


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    root = draw_folder(tmp_path, n_images=1)
    (root / "images/0.png").write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"images/0\.png: "):
        open_folder(root, "val", 3)[0]


def test_masks_as_segment_calls_them_are_found(tmp_path: Path) -> None:
    root = listed(tmp_path, "a")
    (root / "masks/a.png").rename(root / "masks/a.jpg.png")
    assert len(open_folder(root, "val", 3)) == 1
