from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.datasets.importing.by_name import read_export
from deeplab.datasets.importing.draft import draft_beside, publish, require_empty
from deeplab.datasets.importing.export import UNLABELLED, Export
from deeplab.datasets.importing.files import ExportFiles
from deeplab.datasets.importing.writing import choose_classes, write_dataset
from deeplab.datasets.layouts.folder import list_folder
from deeplab.errors import DatasetError, OutputError
from deeplab.images.masks import read_mask
from deeplab.reporter import SilentReporter, Stopped
from tests.deeplab.datasets.importing import exports
from tests.reporters import Recorder


def values(export: Export, *, ignores_unlabelled: bool) -> tuple[list[str], list[int]]:
    classes = choose_classes(export, ignores_unlabelled=ignores_unlabelled)
    label_map = np.array([[0, 1, UNLABELLED, 255]], np.uint8)
    return classes.names, classes.apply(label_map)[0].tolist()


def test_what_unlabelled_pixels_become() -> None:
    outlines, drawn = Export(["car", "dog"], []), Export(["car", "_background_"], [])
    masks = Export(["Void", "car"], [], unlabelled_class=0)
    assert values(outlines, ignores_unlabelled=False) == (["background", "car", "dog"], [1, 2, 0, 255])
    assert values(outlines, ignores_unlabelled=True) == (["car", "dog"], [0, 1, 255, 255])
    assert values(drawn, ignores_unlabelled=False) == (["car", "_background_"], [0, 1, 1, 255])
    assert values(drawn, ignores_unlabelled=True) == (["car", "_background_"], [0, 1, 255, 255])
    assert values(masks, ignores_unlabelled=False) == (["Void", "car"], [0, 1, 0, 255])
    assert values(masks, ignores_unlabelled=True) == (["car"], [255, 0, 255, 255])


def test_images_without_labels_are_counted(tmp_path: Path) -> None:
    root = exports.labelme(tmp_path / "export")
    exports.write_json(root / "b.json", exports.labelme_file("b", []))
    _, export = read_export(ExportFiles(root))
    written = write_dataset(export, tmp_path / "one", SilentReporter())
    assert written.splits == {"train": 1, "val": 1}
    assert written.notes[0] == "1 image in which nothing is labelled taken as background."
    written = write_dataset(export, tmp_path / "two", SilentReporter(), ignores_unlabelled=True)
    assert written.splits == {"train": 1}
    assert written.notes[0] == "1 image in which nothing is labelled left out."
    assert not (tmp_path / "two/images/b.jpg").exists()


def test_classes_that_never_occur_are_said(tmp_path: Path) -> None:
    root = exports.labelme(tmp_path / "export")
    (root / "labels.txt").write_text("car\ncat\ndog\n")
    written = write_dataset(read_export(ExportFiles(root))[1], tmp_path / "out", SilentReporter())
    assert written.class_names == ["background", "car", "cat", "dog"]
    assert written.notes[0] == "Classes that no pixel has: cat."


@pytest.mark.parametrize("name", ["photo.png.jpg", " spaced .jpg", "deep/x.y.jpg", "new\nline.jpg", "ü,1.jpg"])
def test_any_name_is_found_again(tmp_path: Path, name: str) -> None:
    root = tmp_path / "export"
    exports.write_image(root / "images/x.jpg")
    categories = [{"id": 1, "name": "car"}, {"id": 2, "name": "dog"}]
    exports.write_image(tmp_path / "pictures" / name)
    content = exports.coco_content(["a"], lambda _scene: name, categories)
    exports.write_json(root / "annotations.json", content)
    _, export = read_export(ExportFiles(root, tmp_path / "pictures"))
    write_dataset(export, tmp_path / "out", SilentReporter())
    (pair,) = list_folder(tmp_path / "out", "train").require_complete()
    assert np.array_equal(pair.ground_truth.read(), exports.label_map("a"))


def test_a_turned_photo_keeps_the_size_that_the_export_says(tmp_path: Path) -> None:
    root = exports.labelme(tmp_path / "export")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (exports.HEIGHT, exports.WIDTH)).save(root / "a.jpg", exif=exif)  # people see 20x12
    write_dataset(read_export(ExportFiles(root))[1], tmp_path / "out", SilentReporter())
    assert read_mask(tmp_path / "out/masks/a.png").shape == (exports.HEIGHT, exports.WIDTH)


def test_images_that_differ_in_their_suffixes_are_refused(tmp_path: Path) -> None:
    root = exports.labelme(tmp_path / "export")
    exports.write_image(root / "a.png")
    exports.write_json(root / "c.json", {**exports.labelme_file("a", []), "imagePath": "a.png"})
    with pytest.raises(DatasetError, match=r"c.json: a.jpg and a.png would both be called 'a'"):
        read_export(ExportFiles(root))


def test_a_stop_is_heard(tmp_path: Path) -> None:
    _, export = read_export(ExportFiles(exports.labelme(tmp_path / "export")))
    recorder = Recorder(stop_after=1)
    with pytest.raises(Stopped):
        write_dataset(export, tmp_path / "out", recorder)
    assert recorder.progressed == [(1, 2, "image")]


def test_a_folder_appears_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "new/street"
    with draft_beside(target) as draft:
        (draft / "half").touch()
    assert list((tmp_path / "new").iterdir()) == []
    leftover = tmp_path / f"new/.street.{'0' * 32}.import"
    leftover.mkdir()
    with draft_beside(target) as draft:
        assert not leftover.exists()
        with draft_beside(target) as other:  # somebody else's, who is still at work
            assert draft.exists()
            assert other != draft
        (draft / "whole").mkdir()
        (draft / "whole/a").touch()
        publish(draft / "whole", target)
    assert list((tmp_path / "new").iterdir()) == [target]
    with pytest.raises(OutputError, match=r"street: is not empty; choose another folder for the dataset."):
        require_empty(target)
