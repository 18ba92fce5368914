from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from deeplab.datasets.importing.by_name import read_export
from deeplab.datasets.importing.files import ExportFiles
from deeplab.datasets.importing.writing import Written, write_dataset
from deeplab.datasets.layouts.folder import list_folder
from deeplab.datasets.layouts.survey import survey_folder
from deeplab.errors import DatasetError
from deeplab.images.masks import read_mask
from deeplab.reporter import SilentReporter
from tests.deeplab.datasets.importing import exports
from tests.deeplab.datasets.importing.exports import EXPORTS, HEIGHT, NAMES, WIDTH, label_map

OWN_SPLITS = {
    "CamVid": {"train": 1, "val": 1},
    "Roboflow, COCO": {"train": 1, "val": 1},
    "CVAT, COCO": {"train": 1, "val": 1},
    "CVAT, masks": {"train": 1, "val": 1},
    "Roboflow": {"train": 1, "val": 1, "test": 1},
}
NOTES = {
    "Label Studio": [
        "1 task without an annotation left out.",
        "2 tasks with several annotations: the ground truth or the newest one was taken.",
    ],
    "labelme": ["1 image without annotations left out."],
}


def write(source: Path, target: Path, *, ignores_unlabelled: bool = False, images: Path | None = None) -> Written:
    _, export = read_export(ExportFiles(source, images))
    return write_dataset(export, target, SilentReporter(), ignores_unlabelled=ignores_unlabelled)


def masks_in(root: Path, splits: Sequence[str]) -> dict[str, np.ndarray]:
    """The masks of a dataset by scene."""
    pairs = [pair for split in splits for pair in list_folder(root, split).require_complete()]
    return {Path(pair.id).name.split("_")[0][-1]: pair.ground_truth.read() for pair in pairs}


@pytest.mark.parametrize("tool", EXPORTS)
def test_an_export_becomes_a_dataset(tool: str, tmp_path: Path) -> None:
    name, make = EXPORTS[tool]
    files = ExportFiles(make(tmp_path / "export"))
    found, export = read_export(files)
    assert found == name
    written = write_dataset(export, tmp_path / "dataset", SilentReporter())
    assert written.class_names == (["Void", "car", "dog"] if tool == "CamVid" else NAMES)
    assert written.splits == OWN_SPLITS.get(tool, {"train": 1, "val": 1})
    assert (written.n_empty, written.notes) == (0, NOTES.get(tool, []))
    survey = survey_folder(tmp_path / "dataset")
    assert (survey.class_names, survey.splits, survey.notes) == (written.class_names, written.splits, [])
    for scene, mask in masks_in(tmp_path / "dataset", list(written.splits)).items():
        assert np.array_equal(mask, label_map(scene)), scene


@pytest.mark.parametrize("tool", EXPORTS)
def test_unlabelled_pixels_can_be_ignored(tool: str, tmp_path: Path) -> None:
    _, make = EXPORTS[tool]
    written = write(make(tmp_path / "export"), tmp_path / "dataset", ignores_unlabelled=True)
    is_explicit = tool == "classes"  # there the background has masks of its own
    names = NAMES if is_explicit else ["car", "dog"]
    assert written.class_names == names
    for scene, mask in masks_in(tmp_path / "dataset", list(written.splits)).items():
        assert np.array_equal(mask, label_map(scene, names, 0 if is_explicit else 255))


def drawn(tmp_path: Path, shapes: str) -> np.ndarray:
    """The mask of an image with some shapes of CVAT."""
    write(exports.cvat_images(tmp_path / "export", {"a": shapes}), tmp_path / "dataset")
    return read_mask(tmp_path / "dataset/masks/a.png")


def test_cvat_draws_masks_boxes_and_ellipses(tmp_path: Path) -> None:
    shapes = (
        '<mask label="car" rle="2, 3, 1" left="1" top="2" width="3" height="2" z_order="1"/>'
        '<box label="dog" xtl="10" ytl="2" xbr="16" ybr="4" rotation="90" z_order="0"/>'
        '<ellipse label="car" cx="5" cy="9" rx="2" ry="2" z_order="0"/>'
        '<polyline label="car" points="1,1;2,2" z_order="0"/>'
    )
    mask = drawn(tmp_path, shapes)
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[2, 3] = expected[3, 1:3] = True
    assert np.array_equal(mask[:5, :6] == 1, expected[:5, :6])
    rows, columns = np.nonzero(mask == 2)
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (0, 6, 12, 14)
    assert 10 <= int((mask[7:] == 1).sum()) <= 16


@pytest.mark.parametrize(
    ("shapes", "sentence"),
    [
        ('<polygon label="car" points="1,1;2,2"/>', "polygon 1: has a polygon that is not a list of three or more"),
        ('<polygon label="car" points="1,1;2,x;3,3"/>', "polygon 1: could not convert string to float: 'x'."),
        ('<polygon label="car" points="1,1;2,nan;3,3"/>', "polygon 1: has a polygon that is not a list"),
        ('<polygon label="car" points="1,1;2,9e9;3,3"/>', "polygon 1: has a polygon with a point more than 1000000"),
        ('<box label="car" xtl="1"/>', "box 1: ytl is ''; expected a number."),
        ('<mask label="car" rle="9" left="1" top="2" width="3" height="2"/>', "do not fill its box of 3x2 pixels."),
        ('<mask label="car" rle="6" left="19" top="2" width="3" height="2"/>', "does not lie within the image"),
        ('<mask label="car" rle="6" left="0" top="0" width="90000" height="90000"/>', "does not fit into the image"),
        ('<polygon points="1,1;2,2;3,1"/>', "the name of a class is None; expected a text."),
        ('<polygon label="car" z_order="top" points="1,1;2,2;3,1"/>', "z_order is 'top'; expected a whole number."),
    ],
)
def test_a_malformed_shape_is_named(tmp_path: Path, shapes: str, sentence: str) -> None:
    with pytest.raises(DatasetError) as caught:
        drawn(tmp_path, shapes)
    assert str(caught.value).startswith("annotations.xml: a.jpg: ")
    assert sentence in str(caught.value)


def test_entities_are_refused(tmp_path: Path) -> None:
    root = exports.cvat_images(tmp_path)
    text = (root / "annotations.xml").read_text()
    bomb = '<!DOCTYPE annotations [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    (root / "annotations.xml").write_text(text.replace("\n", f"\n{bomb}", 1).replace("street", "&b;"))
    with pytest.raises(
        DatasetError, match=r"annotations.xml: the annotations cannot be read: declares a document type"
    ):
        write(root, tmp_path / "dataset")


def test_label_studio_draws_rectangles_and_ellipses(tmp_path: Path) -> None:
    export = exports.label_studio(tmp_path / "export")
    box = {"x": 10, "y": 25, "width": 30, "height": 50, "rotation": 0, "rectanglelabels": ["car"]}
    oval = {"x": 75, "y": 50, "radiusX": 10, "radiusY": 25, "rotation": 0, "ellipselabels": ["dog"]}
    point = {"x": 75, "y": 50, "width": 1, "keypointlabels": ["dog"]}
    result = [
        {**exports.region(kind), "type": kind, "value": value}
        for kind, value in (("rectanglelabels", box), ("ellipselabels", oval), ("keypointlabels", point))
    ]
    task = {"id": 5, "data": {"image": "s3://bucket/a.jpg"}, "annotations": [{"result": result}]}
    exports.write_json(export / "project-1-at-2024.json", [task])
    written = write(export, tmp_path / "dataset")
    assert written.notes == ["1 image without annotations left out.", "1 region without an area left out."]
    mask = read_mask(tmp_path / "dataset/masks/a.png")
    assert np.array_equal(mask == 1, exports.inside((2, 3, 8, 9)))
    assert 15 <= int((mask == 2).sum()) <= 21


def test_labels_of_labelme_that_mean_no_class(tmp_path: Path) -> None:
    root = exports.labelme(tmp_path / "export")
    shapes = [
        {"label": label, "points": points, "shape_type": kind}
        for label, kind, points in (
            ("dog", "rectangle", [[0, 0], [10, 10]]),
            ("__ignore__", "rectangle", [[9, 9], [4, 4]]),
            ("_background_", "polygon", [[0, 0], [2, 0], [2, 2], [0, 2]]),
            ("dog", "circle", [[15, 6], [17, 6]]),
            ("dog", "linestrip", [[1, 1], [2, 2]]),
        )
    ]
    exports.write_json(root / "a.json", exports.labelme_file("a", shapes))
    (root / "labels.txt").write_text("__ignore__\n_background_\ndog\ncar\n")
    written = write(root, tmp_path / "dataset")
    assert written.class_names == ["background", "dog", "car"]
    assert "1 point or line without an area left out." in written.notes
    mask = read_mask(tmp_path / "dataset/masks/a.png")
    assert (mask[5, 5], mask[1, 1], mask[3, 3], mask[11, 0], mask[6, 15]) == (255, 0, 1, 0, 1)


def test_grey_masks_of_cvat_are_numbers_of_lines(tmp_path: Path) -> None:
    root = exports.cvat(tmp_path / "export")
    for scene in exports.SCENES:
        exports.write_image(root / f"SegmentationClass/deep/{scene}.png", label_map(scene))
    write(root, tmp_path / "dataset")
    assert np.array_equal(read_mask(tmp_path / "dataset/masks/deep/a.png"), label_map("a"))


def break_coco(root: Path) -> None:
    (root / "train/a_jpg.rf.0f3a.jpg").unlink()


def break_size(root: Path) -> None:
    exports.write_image(root / "a.jpg", np.zeros((5, 7, 3), np.uint8))


def break_colour(root: Path) -> None:
    (root / "labelmap.txt").write_text("background:0,0,0::\ncar:250,50,83::\n")


def break_line(root: Path) -> None:
    (root / "labelmap.txt").write_text("background:0,0,0::\ncar\n")


def break_value(root: Path) -> None:
    (root / "train/_classes.csv").write_text("Pixel Value, Class\n0, background\n1, car\n")


def break_csv(root: Path) -> None:
    (root / "train/_classes.csv").write_text("Pixel Value, Class\nzero, background\n")


def break_json(root: Path) -> None:
    (root / "a.json").write_text('{"shapes": [')


def break_brush(root: Path) -> None:
    task = {"id": 3, "data": {"image": "a.jpg"}, "annotations": [{"result": [exports.brush("dog", exports.CAR)]}]}
    task["annotations"][0]["result"][0]["value"]["rle"][-3:] = []  # type: ignore[index]
    exports.write_json(root / "project-1-at-2024.json", [task])


def break_height(root: Path) -> None:
    row = {key: value for key, value in exports.brush("dog", exports.CAR).items() if key != "original_height"}
    task = {"id": 3, "data": {"image": "a.jpg"}, "annotations": [{"result": [row]}]}
    exports.write_json(root / "project-1-at-2024.json", [task])


def break_kind(root: Path) -> None:
    shape = {**exports.labelme_shape("car", exports.CAR), "shape_type": [["x"]]}
    exports.write_json(root / "a.json", exports.labelme_file("a", [shape]))


def break_depth(root: Path) -> None:
    (root / "annotations.xml").write_text("<annotations>" + "<a>" * 100 + "</a>" * 100 + "</annotations>")


def break_address(root: Path) -> None:
    exports.write_json(
        root / "project-1-at-2024.json", [{"id": 3, "data": {"text": "a"}, "annotations": [{"result": []}]}]
    )


@pytest.mark.parametrize(
    ("make", "harm", "sentence"),
    [
        (
            exports.roboflow_coco,
            break_coco,
            "1 image that it names is not there, such as 'a_jpg.rf.0f3a.jpg'; name the",
        ),
        (exports.labelme, break_size, "a.json: is for 20x12 pixels, but {}/a.jpg has 7x5."),
        (exports.cvat, break_colour, "have the colour (51, 221, 255), which labelmap.txt does not list; the nearest"),
        (exports.cvat, break_line, "labelmap.txt: line 2 is 'car'; expected 'label:red,green,blue:parts:actions'."),
        (exports.roboflow, break_value, "a_jpg.rf.77_mask.png: holds the value 2, which stands for no class."),
        (
            exports.roboflow,
            break_csv,
            '_classes.csv: line 2 is ["zero", "background"]; expected \'pixel value, class\'.',
        ),
        (exports.labelme, break_json, "a.json: the annotations cannot be read: Expecting value"),
        (exports.label_studio, break_brush, "task 3: region 'of dog': its run lengths end too early."),
        (exports.label_studio, break_height, "task 3: original_height and original_width must be whole numbers"),
        (exports.labelme, break_kind, "a.json: shape 1: shape_type is [['x']] with 4 points."),
        (exports.cvat_images, break_depth, "has more than 100 elements within each other."),
        (exports.label_studio, break_address, "task 3: its data name no image; expected an address"),
    ],
)
def test_a_fault_is_named(
    tmp_path: Path, make: Callable[[Path], Path], harm: Callable[[Path], None], sentence: str
) -> None:
    root = make(tmp_path / "export")
    harm(root)
    with pytest.raises(DatasetError) as caught:
        write(root, tmp_path / "dataset")
    assert sentence.format(root) in str(caught.value)


def test_a_format_that_cannot_be_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DatasetError, match="is in no format that is known by its files; name its format by --format"):
        read_export(ExportFiles(tmp_path))
    exports.labelme(tmp_path)
    exports.label_studio_coco(tmp_path)
    with pytest.raises(DatasetError, match="may be coco or labelme; name its format"):
        read_export(ExportFiles(tmp_path))


def test_annotations_name_no_files_elsewhere(tmp_path: Path) -> None:
    exports.write_image(tmp_path / "secret.jpg")
    root = exports.labelme(tmp_path / "export")
    content = exports.labelme_file("../secret", [exports.labelme_shape("car", exports.CAR)])
    exports.write_json(root / "a.json", content)
    with pytest.raises(DatasetError, match=r"1 image that it names is not there, such as '\.\./secret.jpg'"):
        write(root, tmp_path / "dataset")
