import os
from pathlib import Path

import pytest

from deeplab.errors import DatasetError, ImageError
from deeplab.files import printable
from deeplab.images.files import read_image
from deeplab.images.kinds import IMAGE_SUFFIXES, describe_passed_over
from deeplab.images.listing import list_images, require_images, scan_folder
from deeplab.images.walk import walk_in_order

RED, WHITE = (255, 0, 0), (255, 255, 255)


def test_lists_images_recursively_sorted_and_nothing_else(tmp_path: Path) -> None:
    names = ["b.JPG", "a b/ü 'quoted\" .png", "a b/c/d.webp", "notes.txt", ".hidden.png", ".cache/x.png", "e.gif.part"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert list_images(tmp_path) == ["a b/c/d.webp", "a b/ü 'quoted\" .png", "b.JPG"]
    assert list_images(tmp_path, exclude=tmp_path / "a b" / "c") == ["a b/ü 'quoted\" .png", "b.JPG"]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.png").touch()
    (tmp_path / "in" / "sub" / "up").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "there").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "dangling.png").symlink_to("nowhere")
    assert list_images(tmp_path / "in") == [
        "dangling.png",
        "there/a.png",
    ]  # the broken link becomes a row with an error


def test_undecodable_names_and_pipes_do_no_harm(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    (tmp_path / name).touch()
    os.mkfifo(tmp_path / "pipe.png")
    assert list_images(tmp_path) == [name]
    assert printable(name) == r"caf\xe9.png"
    with pytest.raises(ImageError, match=r"caf\\xe9\.png: is not an image") as caught:
        read_image(tmp_path / name)
    str(caught.value).encode()
    with pytest.raises(ImageError, match="is not a file"):
        read_image(tmp_path / "pipe.png")


def test_missing_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="gone: the folder does not exist; expected a folder of images"):
        list_images(tmp_path / "gone")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(
        DatasetError,
        match=r"the folder holds no image; expected files ending in .*jpeg jpg .*; 1 file is of another kind: 1 txt",
    ):
        list_images(tmp_path)
    with pytest.raises(DatasetError, match=r"notes\.txt: is not a folder"):
        list_images(tmp_path / "notes.txt")


def test_other_files_are_counted_by_kind(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.heics", "sub/c.HEICS", "d", "sub/e.mov", ".hidden.mov"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    listing = scan_folder(tmp_path)
    assert listing.paths == ["a.jpg"]
    assert listing.passed_over == {"heics": 2, "mov": 1, "no suffix": 1}
    assert describe_passed_over(listing.passed_over) == "4 files are of another kind: 2 heics, 1 mov, 1 without suffix"


@pytest.mark.skipif(".heic" in IMAGE_SUFFIXES, reason="pillow-heif is installed here")
def test_photos_that_need_pillow_heif_are_said_to(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(DatasetError, match=r"1 file is of another kind: 1 heic \(reading HEIC needs pillow-heif: pip"):
        scan_folder(tmp_path)
    with pytest.raises(ImageError, match=r"a\.heic: is HEIC; reading HEIC needs pillow-heif"):
        read_image(tmp_path / "a.heic")


def test_a_link_to_itself_is_an_image_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    for name in ("loop.png", "loop"):
        (tmp_path / name).symlink_to(name)
    assert list_images(tmp_path) == ["a.png", "loop.png"]


def test_a_listing_may_be_bounded(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.txt").touch()
    require_images(tmp_path, most=4)  # among the others there may be one
    with pytest.raises(DatasetError, match=r"holds no image; expected files ending in .*; 5 files are of another kind"):
        require_images(tmp_path, most=6)
    (tmp_path / "a.png").touch()
    require_images(tmp_path, most=6)
    with pytest.raises(DatasetError, match="holds more than 5 files"):
        scan_folder(tmp_path, most=5)
    assert scan_folder(tmp_path, most=6).paths == ["a.png"]


def test_a_walk_goes_as_paths_sort_and_on_from_anywhere(tmp_path: Path) -> None:
    names = [
        "a.png",
        "a/b.png",
        "a/c/d.png",
        "a/c.png",
        "a b.png",
        "a!/x.png",
        "a-.txt",
        "ab/c.png",
        "é.png",
        "z/q.png",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    walked = list(walk_in_order(tmp_path, frozenset({".png"})))
    assert [each.path for each in walked] == sorted(names)
    for place, each in enumerate(walked):
        assert list(walk_in_order(tmp_path, frozenset({".png"}), after=each.path)) == walked[place + 1 :]
