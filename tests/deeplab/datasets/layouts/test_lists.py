from pathlib import Path

import pytest

from deeplab.datasets.layouts.lists import read_ids, read_paths
from deeplab.errors import DatasetError


def test_path_pairs_are_named_by_their_image(tmp_path: Path) -> None:
    path = tmp_path / "train_aug.txt"
    path.write_text("/JPEGImages/2007_1.jpg /SegmentationClassAug/2007_1.png\n\nimg/b.c.jpg   m/other.png  \n")
    assert read_paths(path) == {
        "2007_1": ("JPEGImages/2007_1.jpg", "SegmentationClassAug/2007_1.png"),
        "b": ("img/b.c.jpg", "m/other.png"),
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"the split is empty; expected an image's and a mask's path per line\.$"),
        (b"/a.jpg /a.png\n/b.jpg\n", r"line 2 is '/b\.jpg'; expected an image's and a mask's path, such as"),
        (b"/a.jpg /a.png /c.png\n", r"line 1 is '/a\.jpg /a\.png /c\.png'; expected"),
        (b"/x/a.jpg /a.png\n\n/y/a.jpg /b.png\n", r"line 3 repeats 'a' of line 1\.$"),
        (b"\xff\xff", r"the split list cannot be read"),
    ],
)
def test_malformed_path_lists_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "train_aug.txt"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=rf"train_aug\.txt: {reason}"):
        read_paths(path)


def test_lists_with_foreign_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_bytes(b"2007_1 \r\n2007_2\r\n")
    assert read_ids(path) == ["2007_1", "2007_2"]
