from pathlib import Path

import pytest

from deeplab.datasets.layouts.voc import list_voc, list_vocaug
from deeplab.errors import DatasetError


@pytest.mark.parametrize("layout", [list_voc, list_vocaug])
def test_root_is_the_folder_above_the_year(tmp_path: Path, layout: object) -> None:
    (tmp_path / "JPEGImages").mkdir()
    with pytest.raises(DatasetError, match=r"has no folder VOC2012; expected the path of VOCdevkit\.$"):
        (list_voc if layout is list_voc else list_vocaug)(tmp_path, "train")


def test_augmented_list_may_name_any_folder(tmp_path: Path) -> None:
    base = tmp_path / "VOC2012"
    for path in ("ImageSets/SegmentationAug", "JPEGImages", "SegmentationClass", "SegmentationClassAug"):
        (base / path).mkdir(parents=True)
    for path in ("JPEGImages/a.jpg", "JPEGImages/b.jpg", "SegmentationClass/a.png", "SegmentationClassAug/b.png"):
        (base / path).touch()
    (base / "ImageSets/SegmentationAug/train.txt").write_text(
        "/JPEGImages/a.jpg /SegmentationClass/a.png\n/JPEGImages/b.jpg /SegmentationClassAug/b.png\n"
    )
    pairs = list_vocaug(tmp_path, "train").require_complete()
    assert [(each.id, each.image, each.ground_truth.path) for each in pairs] == [
        ("a", base / "JPEGImages/a.jpg", base / "SegmentationClass/a.png"),
        ("b", base / "JPEGImages/b.jpg", base / "SegmentationClassAug/b.png"),
    ]
