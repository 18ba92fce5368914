from pathlib import Path

import pytest

from deeplab.datasets.layouts.lists import read_ids, read_paths
from deeplab.errors import DatasetError


def test_path_pairs_are_named_by_their_image(tmp_path: Path) -> None:
    path = tmp_path / "train_aug.txt"
    path.write_text("/JPEGImages/2007_1.jpg /SegmentationClassAug/2007_1.png\n\nimg/b.c.jpg   m/other.png  \n")
    assert read_paths(path, tmp_path) == {
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
        read_paths(path, tmp_path)


def test_lists_with_foreign_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_bytes(b"2007_1 \r\n2007_2\r\n")
    assert read_ids(path) == ["2007_1", "2007_2"]


@pytest.mark.parametrize(
    "content",
    [
        "a\nb\n".encode("utf-8-sig"),
        "a\r\nb\r\n".encode("utf-16"),
        b"\xfe\xff" + "a\nb\n".encode("utf-16-be"),
        "a\nb".encode("utf-32"),
        "a\n\ufeffb\n".encode(),  # files that were joined
    ],
)
def test_lists_from_windows(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "train.txt").write_bytes(content)
    assert read_ids(tmp_path / "train.txt") == ["a", "b"]


def test_paths_of_images_are_ids_too(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    path = tmp_path / "train.txt"
    path.write_text(f"./a.jpg\nimages/b.jpg\n./images/c\ncity\\d.png\nimages\\e.jpg\n{images}/f.heic\nimages/city/g\n")
    assert read_ids(path, images) == ["a", "b", "c", "city/d", "e", "f", "city/g"]
    (tmp_path / "link").symlink_to(tmp_path)
    path.write_text(f"{tmp_path}/images/a.jpg\n")
    assert read_ids(path, tmp_path / "link/images") == ["a"]
    path.write_text("a\nimages/a.jpg\n")
    with pytest.raises(DatasetError, match="line 2 repeats 'a' of line 1"):
        read_ids(path, images)
    (images / "images").mkdir()
    path.write_text("images/a\n")
    assert read_ids(path, images) == ["images/a"]


@pytest.mark.parametrize("line", ["/elsewhere/a.jpg", "C:\\data\\a.jpg", "D:/a.jpg"])
def test_paths_elsewhere_are_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "train.txt"
    path.write_text(f"{line}\n")
    with pytest.raises(
        DatasetError, match=r"train\.txt: line 1 is '.*', which lies outside of .*/images; expected a path"
    ):
        read_ids(path, tmp_path / "images")


def test_path_pairs_may_be_absolute_or_have_backslashes(tmp_path: Path) -> None:
    path = tmp_path / "train_aug.txt"
    path.write_bytes(f"{tmp_path}/img/a.jpg {tmp_path}/m/a.png\n\\img\\b.jpg m\\b.png\n".encode("utf-8-sig"))
    assert read_paths(path, tmp_path) == {"a": ("img/a.jpg", "m/a.png"), "b": ("img/b.jpg", "m/b.png")}
