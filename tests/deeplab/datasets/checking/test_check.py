import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deeplab.config import Config, parse_config
from deeplab.datasets.checking.check import check_dataset
from deeplab.datasets.checking.mask_scan import scan_masks
from deeplab.datasets.checking.report import DatasetReport, SizeMismatch, UnknownValues
from deeplab.datasets.layouts.by_name import list_split
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
    assert list(report) == ["labels", "splits", "warnings", "passed_over"]
    assert set(report["splits"][0]) == {
        "split",
        "n_ids",
        "n_read",
        "n_left",
        "error",
        "skipped",
        "missing",
        "unreadable",
        "mismatches",
        "strange",
        "pixels",
        "images",
        "ignored",
        "warnings",
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


def draw(root: Path, split: str, *label_maps: Any, palettes: Any = None, image: Any = None) -> None:
    """A split of pairs a0, a1 ... with different images."""
    rng = np.random.default_rng(len(split))
    for number, rows in enumerate(label_maps):
        label_map = np.array(rows, np.uint8)
        pixels = rng.integers(0, 256, (*label_map.shape, 3), np.uint8) if image is None else image
        write_pair(root, f"{split}{number}", pixels, label_map)
        if palettes:
            mask = Image.fromarray(label_map)
            mask.putpalette(palettes[number])
            mask.save(root / f"masks/{split}{number}.png")
    (root / f"{split}.txt").write_text("".join(f"{split}{number}\n" for number in range(len(label_maps))))


def warnings(root: Path, *splits: str, **dataset: Any) -> dict[str, str]:
    report = check(config(root, **dataset), *splits)
    assert report.n_problems == 0 or "labels_from_1" in str(report.as_json())
    found = [warning for split in report.splits for warning in split.warnings] + report.warnings
    assert report.n_warnings == len(found)
    return {warning.kind: warning.sentence for warning in found}


@pytest.mark.parametrize(
    ("label_maps", "kind", "sentence"),
    [
        ([[[0, 255]], [[0, 0]]], "only_0_and_255", "If it means class 1, write 1 in its place."),
        (
            [[[1, 2]], [[2, 2]]],
            "labels_from_1",
            "go up to 2, and 0 does not occur: the labels seem to be numbered from 1",
        ),
        ([[[255, 255]]], "all_ignored", "All pixels of the 1 mask read are ignored (255)."),
        ([[[1, 1]]], "one_class", "Of all classes only 1 occurs in the 1 mask read."),
        ([[[1, 0]], [[255, 255]]], "ignored_masks", "1 mask holds nothing but ignored pixels: "),
        ([[[1, 1]]], "absent_classes", "1 of 2 classes never occurs: class 0."),
    ],
)
def test_values_that_look_wrong_are_warned_of(tmp_path: Path, label_maps: Any, kind: str, sentence: str) -> None:
    draw(tmp_path, "train", *label_maps)
    assert sentence in warnings(tmp_path, "train")[kind]


def test_a_good_dataset_has_no_warnings(tmp_path: Path) -> None:
    draw(tmp_path, "train", [[0, 1]], [[1, 255]])
    draw(tmp_path, "val", [[0, 1]])
    assert warnings(tmp_path) == {}


def test_classes_that_only_val_has_and_images_that_both_have(tmp_path: Path) -> None:
    draw(tmp_path, "train", [[0, 0]], [[0, 1]])
    draw(tmp_path, "val", [[0, 2]], [[1, 1]])
    found = warnings(tmp_path, N_CLASSES=3)
    assert found["untrained_classes"] == "1 class of val never occurs in train: class 2."
    assert "shared_images" not in found
    (tmp_path / "images/val1.png").write_bytes((tmp_path / "images/train0.png").read_bytes())
    assert warnings(tmp_path, N_CLASSES=3)["shared_images"] == "1 of 2 images of val is also in train: val1."


def test_palettes_that_differ(tmp_path: Path) -> None:
    red, blue = [255, 0, 0], [0, 0, 255]
    draw(tmp_path, "train", [[0, 1]], [[0, 1]], palettes=[[0] * 3 + red, [0] * 3 + red])
    assert "palettes_differ" not in warnings(tmp_path, "train")
    draw(tmp_path, "train", [[0, 1]], [[0, 1]], palettes=[[0] * 3 + red, [0] * 3 + blue])
    sentence = warnings(tmp_path, "train")["palettes_differ"]
    assert "the value 1 is (255, 0, 0) in " in sentence
    assert "train1.png" in sentence


def test_images_with_the_content_of_others(tmp_path: Path) -> None:
    draw(tmp_path, "train", [[0, 1]], [[1, 0]], image=np.zeros((1, 2, 3), np.uint8))
    expected = "1 of 2 images repeats the content of another one, such as train0, train1."
    assert warnings(tmp_path, "train")["repeated_images"] == expected


def test_classes_of_one_name(tmp_path: Path) -> None:
    draw(tmp_path, "train", [[0, 1]])
    (tmp_path / "names").write_text("0\tcar\n1\tcar\n")
    found = warnings(tmp_path, "train", LABELS=str(tmp_path / "names"))
    assert found["repeated_names"] == "Several classes have one name: car."


@pytest.mark.parametrize(
    ("orientation", "shape", "kind"),
    [(1, (4, 6), None), (3, (4, 6), "orientation"), (6, (4, 6), "turned_masks"), (6, (4, 4), "orientation")],
)
def test_orientations_of_photos(tmp_path: Path, orientation: int, shape: tuple[int, int], kind: str | None) -> None:
    label_map = np.zeros(shape, np.uint8)
    label_map[0] = 1
    draw(tmp_path, "train", label_map)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.open(tmp_path / "images/train0.png").save(tmp_path / "images/train0.png", exif=exif)
    found = warnings(tmp_path, "train")
    assert list(found) == ([kind] if kind else [])
    assert "EXIF" in found.get(kind or "", "EXIF")


def test_outlines_that_are_left_out_are_counted(tmp_path: Path) -> None:
    sources = draw_sources(tmp_path / "drawn", n=2, n_classes=3)
    settings = arrange("coco", tmp_path / "root", sources, sources)
    path = tmp_path / "root/annotations/instances_train2017.json"
    content = json.loads(path.read_text())
    content["annotations"].append({**content["annotations"][0], "id": 999, "segmentation": []})
    path.write_text(json.dumps(content))
    report = check(config(tmp_path, **{**settings, "N_CLASSES": 3}), "train2017")
    assert report.n_problems == 0
    (warning,) = (each for each in report.splits[0].warnings if each.kind == "left_out")
    assert warning.sentence.startswith("1 image has outlines of fewer than three points, which are left out: ")


def test_files_of_other_kinds_are_counted(root: Path) -> None:
    for name in ("images/x.mov", "images/y.mov", "images/z", "masks/notes.txt"):
        (root / name).touch()
    report = check(config(root))
    assert report.passed_over == {f"{root}/images": {"mov": 2, "no suffix": 1}, f"{root}/masks": {"txt": 1}}
    assert report.n_problems == 0


def test_a_check_of_limited_time_says_what_it_left(root: Path) -> None:
    report = check_dataset(config(root), SilentReporter(), n_workers=1, seconds=0)
    assert sum(split.n_read for split in report.splits) == 1
    assert sum(split.n_left for split in report.splits) == 4


def test_a_training_looks_at_its_masks_first(tmp_path: Path) -> None:
    draw(tmp_path, "train", [[0, 255]], [[255, 0]])
    settings = config(tmp_path).DATASET
    pairs = list_split(settings, "train").pairs
    (sentence,) = scan_masks(pairs, settings)
    assert sentence.startswith("The values of 2 of 2 masks of the training split are 0 and 255 alone")
    assert scan_masks(pairs, settings.model_copy(update={"IGNORE_LABEL": 254})) == []
    (tmp_path / "masks/train0.png").write_bytes(b"broken")
    assert scan_masks(pairs, settings)[0].startswith("The values of 1 of 2 masks")
