import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deeplab.datasets.layouts.coco import list_coco
from deeplab.errors import DatasetError

BOX = [[0, 0, 2, 0, 2, 2, 0, 2]]


def content(**changes: Any) -> dict[str, Any]:
    """Two images; a person and a toothbrush on the first."""
    return {
        "images": [
            {"id": 7, "file_name": "b.jpg", "height": 4, "width": 6},
            {"id": 2, "file_name": "sub/a.jpg", "height": 3, "width": 5},
        ],
        "annotations": [
            {"id": 11, "image_id": 7, "category_id": 90, "iscrowd": 0, "segmentation": BOX, "area": 4},
            {"id": 12, "image_id": 7, "category_id": 1, "segmentation": {"size": [4, 6], "counts": [12, 12]}},
        ],
        "categories": [{"id": 90, "name": "toothbrush"}, {"id": 1, "name": "person"}, {"id": 13, "name": "stop sign"}],
        **changes,
    }


def write(root: Path, whole: object, images: str = "images/val2017") -> Path:
    path = root / "annotations/instances_val2017.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(whole if isinstance(whole, str) else json.dumps(whole))
    for name in ("b.jpg", "sub/a.jpg"):
        (root / images / name).parent.mkdir(parents=True, exist_ok=True)
        (root / images / name).touch()
    return root


def test_images_come_by_number_with_their_objects(tmp_path: Path) -> None:
    pairs = list_coco(write(tmp_path, content()), "val2017", 91).require_complete()
    assert [(each.id, each.image) for each in pairs] == [
        ("sub/a", tmp_path / "images/val2017/sub/a.jpg"),
        ("b", tmp_path / "images/val2017/b.jpg"),
    ]
    assert np.array_equal(pairs[0].ground_truth.read(), np.zeros((3, 5)))
    expected = np.zeros((4, 6), np.uint8)
    expected[:, 3:] = 1
    expected[:2, :2] = 90
    assert np.array_equal(pairs[1].ground_truth.read(), expected)


def test_contiguous_numbering_is_in_the_order_of_the_ids(tmp_path: Path) -> None:
    pairs = list_coco(write(tmp_path, content()), "val2017", 4, "contiguous").pairs
    assert np.unique(pairs[1].ground_truth.read()).tolist() == [0, 1, 3]


def test_images_directly_under_the_root(tmp_path: Path) -> None:
    pairs = list_coco(write(tmp_path, content(), images="val2017"), "val2017", 91).require_complete()
    assert pairs[1].image == tmp_path / "val2017/b.jpg"


def test_missing_images_are_named(tmp_path: Path) -> None:
    (write(tmp_path, content()) / "images/val2017/b.jpg").unlink()
    with pytest.raises(DatasetError, match=r"images/val2017: 1 of 2 files .* missing: b\.jpg\.$"):
        list_coco(tmp_path, "val2017", 91).require_complete()


def image(**changes: Any) -> list[dict[str, Any]]:
    return [{"id": 7, "file_name": "b.jpg", "height": 4, "width": 6, **changes}]


def objects(**changes: Any) -> list[dict[str, Any]]:
    return [{"id": 11, "image_id": 7, "category_id": 1, "segmentation": BOX, **changes}]


@pytest.mark.parametrize(
    ("whole", "reason"),
    [
        ("{", "the annotations cannot be read: "),
        ([], "has no list 'images'; expected COCO's instance format"),
        ({"images": []}, "has no list 'annotations'"),
        (content(images=[]), "lists no image"),
        (content(images=["a.jpg"]), "has no list 'images'"),
        (content(images=image(id="x")), "an image has the id 'x'; expected a whole number"),
        (content(images=image(height=4.5)), r"image 7 has the height 4\.5"),
        (content(images=image(file_name=None)), "image 7 has no file_name"),
        (content(images=image() + image(id=8), annotations=[]), r"b\.jpg appears twice"),
        (content(images=image() + image(file_name="c.jpg")), "the image id 7 comes twice; expected an id of its own"),
        (
            content(images=image() + image(id=8, file_name="b.png"), annotations=[]),
            r"b\.jpg and b\.png differ in their suffixes alone, so that results of both would be named 'b'",
        ),
        (content(categories=[{"id": 1}, {"id": 1}]), "the category id 1 comes twice; expected an id of its own"),
        (content(annotations=objects(image_id=5)), "annotation 11 belongs to no image of the list"),
        (content(annotations=objects(category_id=5)), "annotation 11 belongs to no category of the list"),
        (content(annotations=objects(image_id=[5])), r"annotation 11 has the image_id \[5\]; expected a whole number"),
        (content(categories=[{"id": "1"}]), "a category has the id '1'"),
    ],
)
def test_malformed_files_are_refused(tmp_path: Path, whole: object, reason: str) -> None:
    with pytest.raises(DatasetError, match=rf"instances_val2017\.json: {reason}") as caught:
        list_coco(write(tmp_path, whole), "val2017", 91)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["../a.jpg", "/a.jpg"])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="leads out of the dataset"):
        list_coco(write(tmp_path, content(images=image(file_name=name))), "val2017", 91)


@pytest.mark.parametrize(
    ("ids", "n_classes", "numbering", "reason"),
    [
        ([1, 90], 81, "original", r"category 90 would be class 90 by the original numbering; expected 1 to 80"),
        ([0, 1], 91, "original", r"category 0 would be class 0 by the original numbering; expected 1 to 90"),
        ([4, 8, 9], 3, "contiguous", r"category 9 would be class 3 by the contiguous numbering; expected 1 to 2"),
    ],
)
def test_categories_that_are_not_classes_are_refused(
    tmp_path: Path, ids: list[int], n_classes: int, numbering: Any, reason: str
) -> None:
    whole = content(categories=[{"id": each} for each in ids], annotations=[])
    with pytest.raises(DatasetError, match=reason):
        list_coco(write(tmp_path, whole), "val2017", n_classes, numbering)


def test_a_category_id_that_comes_twice_is_refused_in_each_numbering(tmp_path: Path) -> None:
    root = write(tmp_path, content(categories=[{"id": 1}, {"id": 1}, {"id": 90}]))
    with pytest.raises(DatasetError, match="the category id 1 comes twice"):
        list_coco(root, "val2017", 91, "contiguous")


def test_ids_of_annotations_may_repeat(tmp_path: Path) -> None:
    whole = content(annotations=objects() + objects(category_id=90, segmentation=[[3, 0, 6, 0, 6, 4, 3, 4]]))
    pairs = list_coco(write(tmp_path, whole), "val2017", 91).pairs
    assert np.unique(pairs[1].ground_truth.read()).tolist() == [0, 1, 90]


def test_malformed_outline_is_found_when_it_is_drawn(tmp_path: Path) -> None:
    whole = content(annotations=objects(segmentation=[[1, 2, 3]]))
    pairs = list_coco(write(tmp_path, whole), "val2017", 91).pairs
    with pytest.raises(DatasetError, match=r"instances_val2017\.json: b\.jpg: annotation 11: has a polygon"):
        pairs[1].ground_truth.read()


def test_annotations_that_are_missing(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"instances_val2017\.json: the annotations do not exist\.$"):
        list_coco(tmp_path, "val2017", 91)
