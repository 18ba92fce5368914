"""Every format is read back by the library that its users have, or by what its documentation says."""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pycocotools.coco import COCO

from deeplab.datasets.layouts.coco import list_coco
from deeplab.errors import OutputError
from deeplab.images.masks import read_mask, write_mask
from deeplab.images.palette import palette
from deeplab.images.pillow import silence_warnings
from deeplab.inference.manifest import Row
from deeplab.inference.output import frame_mask_path, mask_path
from tests.worker.jobs.exports.jobs_with_masks import CLASSES, draw, select
from tests.worker.jobs.exports.rle_pack import unpack
from worker.jobs import storage
from worker.jobs.exports.catalog import FORMATS
from worker.jobs.exports.formats import UnknownFormatError, export
from worker.jobs.exports.masks_of import NothingToExportError, Selection
from worker.jobs.exports.writing import stream_zip, write_folder, write_zip
from worker.jobs.results.filters import Filter
from worker.jobs.settings import Settings

MASKS = {"a.jpg": draw(0), "deep/b.c.png": draw(1, 40, 17), "ü'1.tif": draw(2)}
NAMES = ["a", "deep/b.c", "ü'1"]


@pytest.fixture
def selection(sqlite_store: Settings) -> Selection:
    return select(sqlite_store, MASKS, [Row("broken.jpg", None, None, "error", "is cut short.", 0.1, {})])


def written(selection: Selection, name: str, folder: Path) -> list[str]:
    """Export, and list the files."""
    n = write_folder(export(selection, name), folder)
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert len(files) == n
    return files


def test_index_masks_are_a_folder_to_train_with(selection: Selection, tmp_path: Path) -> None:
    files = written(selection, "masks", tmp_path / "out")
    assert files == ["labels.txt", *(f"masks/{name}.png" for name in NAMES)]
    for name, mask in zip(NAMES, MASKS.values(), strict=True):
        assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / "masks" / f"{name}.png")), mask)
    assert (tmp_path / "out" / "labels.txt").read_text() == "0\tground\n1\tdisc: red\n2\tbar/blue\n"


def test_colour_masks_have_a_palette(selection: Selection, tmp_path: Path) -> None:
    files = written(selection, "colours", tmp_path / "out")
    assert files == ["labels.txt", *(f"masks/{name}.png" for name in NAMES), "palette.txt"]
    image = Image.open(tmp_path / "out" / "masks" / "a.png")
    assert (image.mode, np.array_equal(np.asarray(image), palette()[MASKS["a.jpg"]])) == ("RGB", True)
    assert (tmp_path / "out" / "palette.txt").read_text() == "0 0 0 0\n1 128 0 0\n2 0 128 0\n"


def test_a_mask_for_each_class(selection: Selection, tmp_path: Path) -> None:
    files = written(selection, "classes", tmp_path / "out")
    folders = ["000-ground", "001-disc- red", "002-bar-blue"]
    assert files == [*(f"{folder}/{name}.png" for folder in folders for name in NAMES), "labels.txt"]
    for index, folder in enumerate(folders):
        image = Image.open(tmp_path / "out" / folder / "deep/b.c.png")
        assert image.mode == "L"
        assert np.array_equal(np.asarray(image), np.where(MASKS["deep/b.c.png"] == index, 255, 0))


@pytest.mark.parametrize("name", ["coco", "coco-rle"])
def test_coco_is_read_by_pycocotools(
    selection: Selection, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert written(selection, name, tmp_path / "out") == ["annotations.json"]
    content = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert [(each["id"], each["name"]) for each in content["categories"]] == list(enumerate(CLASSES, start=1))
    with silence_warnings():
        coco = COCO(tmp_path / "out" / "annotations.json")
        images = {each["file_name"]: each for each in coco.loadImgs(coco.getImgIds())}
        assert images.keys() == MASKS.keys()
        for path, mask in MASKS.items():
            read = np.full(mask.shape, 255, np.uint8)
            for annotation in coco.loadAnns(coco.getAnnIds(images[path]["id"])):
                inside = coco.annToMask(annotation).astype(bool)
                assert (read[inside] == 255).all()
                read[inside] = annotation["category_id"] - 1
                check_box(annotation, inside)
            assert np.array_equal(read, mask)
    assert isinstance(content["annotations"][0]["segmentation"], list if name == "coco" else dict)
    capsys.readouterr()  # pycocotools prints


def check_box(annotation: dict[str, Any], inside: NDArray[np.bool_]) -> None:
    rows, columns = np.nonzero(inside)
    left, top, width, height = annotation["bbox"]
    assert (left, top) == (columns.min(), rows.min())
    assert (left + width - 1, top + height - 1) == (columns.max(), rows.max())
    assert (annotation["area"], annotation["iscrowd"]) == (inside.sum(), 0)


@pytest.mark.parametrize("name", ["coco", "coco-rle"])
@pytest.mark.parametrize(("background", "first"), [("_background_", 0), ("road", 1)])
def test_coco_can_be_trained_with(
    sqlite_store: Settings, tmp_path: Path, name: str, background: str, first: int
) -> None:
    """By our own layout `coco`, for which what no annotation covers is class 0."""
    masks = {"a.jpg": draw(0), "b.png": draw(1)}
    written(select(sqlite_store, masks, classes=(background, "disc", "bar")), name, tmp_path / "out")
    (tmp_path / "out" / "annotations").mkdir()
    (tmp_path / "out" / "annotations.json").rename(tmp_path / "out" / "annotations" / "instances_val.json")
    for image, mask in masks.items():
        (tmp_path / "out" / "val").mkdir(exist_ok=True)
        Image.fromarray(mask).save(tmp_path / "out" / "val" / image)
    pairs = list_coco(tmp_path / "out", "val", 3 + first).require_complete()
    assert [pair.image.name for pair in pairs] == list(masks)
    for pair in pairs:
        assert np.array_equal(pair.ground_truth.read(), masks[pair.image.name] + first)


def test_label_studio_is_read_by_its_documented_run_lengths(selection: Selection, tmp_path: Path) -> None:
    assert written(selection, "label-studio", tmp_path / "out") == ["label_config.xml", "tasks.json"]
    tasks = json.loads((tmp_path / "out" / "tasks.json").read_text())
    assert [task["data"]["image"] for task in tasks] == [
        f"/data/local-files/?d={path}" for path in ("a.jpg", "deep/b.c.png", "%C3%BC%271.tif")
    ]
    for task, mask in zip(tasks, MASKS.values(), strict=True):
        read = np.full(mask.shape, 255, np.uint8)
        for label in task["predictions"][0]["result"]:
            assert (label["original_height"], label["original_width"]) == mask.shape
            channels = np.array(unpack(label["value"]["rle"]), np.uint8).reshape(*mask.shape, 4)
            assert set(np.unique(channels)) <= {0, 255}
            assert (channels == channels[..., :1]).all()
            [name] = label["value"]["brushlabels"]
            read[channels[..., 3] == 255] = CLASSES.index(name)
        assert np.array_equal(read, mask)
    config = (tmp_path / "out" / "label_config.xml").read_text()
    assert '<Label value="disc: red" background="#800000"/>' in config


def test_cvat_finds_colours_by_its_map_of_labels(selection: Selection, tmp_path: Path) -> None:
    write_zip(export(selection, "cvat"), tmp_path / "cvat.zip")
    with zipfile.ZipFile(tmp_path / "cvat.zip") as archive:
        assert archive.testzip() is None
        lines = archive.read("labelmap.txt").decode().splitlines()
        assert lines[0] == "# label:color_rgb:parts:actions"
        labels = [line.split(":") for line in lines[1:]]
        assert [label[0] for label in labels] == ["ground", "disc- red", "bar/blue"]
        colours = [tuple(map(int, label[1].split(","))) for label in labels]
        names = archive.read("ImageSets/Segmentation/default.txt").decode().splitlines()
        assert names == NAMES
        for name, mask in zip(names, MASKS.values(), strict=True):
            image = Image.open(io.BytesIO(archive.read(f"SegmentationClass/{name}.png")))
            assert image.mode == "RGB"
            pixels = np.asarray(image)
            read = sum(index * (pixels == colour).all(axis=2) for index, colour in enumerate(colours))
            assert np.array_equal(read, mask)


@pytest.mark.parametrize("name", FORMATS)
def test_archives_are_streamed_and_hold_the_files_of_the_folder(
    selection: Selection, tmp_path: Path, name: str
) -> None:
    files = written(selection, name, tmp_path / "out")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(stream_zip(export(selection, name)))))
    assert sorted(archive.namelist()) == files
    for file in files:
        assert archive.read(file) == (tmp_path / "out" / file).read_bytes()


def test_images_that_share_a_name_keep_their_suffixes(sqlite_store: Settings, tmp_path: Path) -> None:
    masks = {name: draw(seed) for seed, name in enumerate(["a.jpg", "a.png", "b.jpg", "c.png", "c.png.jpg"])}
    files = written(select(sqlite_store, masks), "masks", tmp_path / "out")
    assert files == [
        "README.txt",
        "labels.txt",
        *(f"masks/{name}.png" for name in ("a.jpg", "a.png", "b", "c", "c.png.jpg")),
    ]
    assert "such as those named 'a'" in (tmp_path / "out" / "README.txt").read_text()
    assert np.array_equal(read_mask(tmp_path / "out" / "masks" / "a.png.png"), masks["a.png"])


def test_frames_of_videos_are_masks_of_their_own(sqlite_store: Settings, tmp_path: Path) -> None:
    selection = select(sqlite_store, {"a.jpg": draw(0)}, [Row("film.mp4", 31, 24, "ok", "", 1.0, {0: 1}, 2)])
    output = storage.output_dir(sqlite_store, selection.job.id)
    for number in (0, 5):
        write_mask(frame_mask_path(output, "film.mp4", number), draw(number))
    files = written(selection, "masks", tmp_path / "out")
    assert files == ["labels.txt", "masks/a.png", "masks/film.mp4/00000000.png", "masks/film.mp4/00000005.png"]


def test_names_of_any_bytes(sqlite_store: Settings, tmp_path: Path) -> None:
    name = os.fsdecode(b"r\xe4um.png")
    selection = select(sqlite_store, {name: draw(0)})
    written(selection, "masks", tmp_path / "out")
    assert (tmp_path / "out" / "masks" / name).is_file()
    archive = zipfile.ZipFile(io.BytesIO(b"".join(stream_zip(export(selection, "cvat")))))
    assert "SegmentationClass/r\\xe4um.png" in archive.namelist()
    assert json.loads(b"".join(next(iter(export(selection, "coco"))).content))["images"][0]["file_name"] == (
        "r\\xe4um.png"
    )


def test_only_what_is_selected(sqlite_store: Settings, tmp_path: Path) -> None:
    selection = select(sqlite_store, MASKS, wanted=Filter(folder="deep"))
    assert written(selection, "masks", tmp_path / "out") == ["labels.txt", "masks/deep/b.c.png"]


def test_what_cannot_be_exported_is_said_at_once(selection: Selection, sqlite_store: Settings) -> None:
    with pytest.raises(UnknownFormatError, match="format must be one of masks, colours, "):
        export(selection, "png")
    with pytest.raises(NothingToExportError, match="has no masks of such images"):
        export(select(sqlite_store, MASKS, wanted=Filter(name="nowhere")), "masks")
    with pytest.raises(NothingToExportError, match="Images that failed have no masks"):
        export(select(sqlite_store, MASKS, wanted=Filter(status="error")), "masks")


def test_a_mask_that_is_gone_or_of_other_classes_is_named(selection: Selection, tmp_path: Path) -> None:
    output = storage.output_dir(selection.settings, selection.job.id)
    write_mask(mask_path(output, "deep/b.c.png"), np.full((2, 2), 7, np.uint8))
    with pytest.raises(OutputError, match=r"b\.c\.png\.png: holds the class 7, but the job has 3 classes"):
        write_zip(export(selection, "colours"), tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()
    mask_path(output, "a.jpg").unlink()
    with pytest.raises(OutputError, match=r"a\.jpg\.png: the mask of a\.jpg is gone"):
        export(selection, "masks")


def test_a_folder_that_holds_something_is_refused(selection: Selection, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(OutputError, match="is not empty; choose another folder"):
        write_folder(export(selection, "masks"), tmp_path)
