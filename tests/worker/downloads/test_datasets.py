import tarfile
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from deeplab.errors import DatasetError, DeepLabError
from deeplab.reporter import SilentReporter
from tests.file_server import FileServer, serve_files
from worker.downloads.datasets import PUBLISHED, Published, fetch
from worker.downloads.http import DownloadError

FILES = {
    "cocostuff-10k-v1.1.zip": ["images/a.jpg", "annotations/a.mat", "imageLists/train.txt"],
    "train2017.zip": ["train2017/1.jpg"],
    "val2017.zip": ["val2017/2.jpg"],
    "stuffthingmaps_trainval2017.zip": ["train2017/1.png", "val2017/2.png"],
}


@pytest.fixture
def mirror(tmp_path: Path) -> FileServer:
    """The archives' names with other contents, served here."""
    folder = tmp_path / "served/below"
    folder.mkdir(parents=True)
    for archive, names in FILES.items():
        with zipfile.ZipFile(folder / archive, "w") as zipped:
            for name in names:
                zipped.writestr(name, name)
    with tarfile.open(folder / "VOCtrainval_11-May-2012.tar", "w") as packed:
        entry = tarfile.TarInfo("VOCdevkit/VOC2012/JPEGImages/2007_1.jpg")
        entry.size = 4
        packed.addfile(entry, BytesIO(b"jpeg"))
    return FileServer(folder.parent)


def without_digests(name: str) -> Published:
    published = PUBLISHED[name]
    return replace(published, archives=tuple(replace(each, md5=None, sha256=None) for each in published.archives))


@pytest.mark.parametrize(
    ("name", "root", "files"),
    [
        ("voc12", "VOCdevkit", ["VOC2012/JPEGImages/2007_1.jpg"]),
        ("cocostuff10k", "", FILES["cocostuff-10k-v1.1.zip"]),
        (
            "cocostuff164k",
            "",
            [
                "images/train2017/1.jpg",
                "images/val2017/2.jpg",
                "annotations/train2017/1.png",
                "annotations/val2017/2.png",
            ],
        ),
    ],
)
def test_archives_become_the_layouts_folders(
    tmp_path: Path, mirror: FileServer, name: str, root: str, files: list[str]
) -> None:
    folder = tmp_path / "data"
    with serve_files(mirror.folder) as server:
        for _ in range(2):
            found = fetch(without_digests(name), folder, SilentReporter(), mirror=f"{server.url}/below/")
        assert len(server.ranges) == len(PUBLISHED[name].archives)  # the second call fetches nothing
    assert found == folder / root
    assert all((found / each).is_file() for each in files)


def test_archive_that_is_not_the_published_one_is_refused(tmp_path: Path, mirror: FileServer) -> None:
    with serve_files(mirror.folder) as server, pytest.raises(DownloadError, match="6cd6e144f989b92b3379bac3b3de84fd"):
        fetch(PUBLISHED["voc12"], tmp_path / "data", SilentReporter(), mirror=f"{server.url}/below")
    assert list((tmp_path / "data").iterdir()) == []


def test_archive_that_leads_out_is_refused(tmp_path: Path, mirror: FileServer) -> None:
    with zipfile.ZipFile(mirror.folder / "below/cocostuff-10k-v1.1.zip", "a") as archive:
        archive.writestr("../evil.sh", "rm")
    with serve_files(mirror.folder) as server, pytest.raises(DatasetError, match="leads out of the folder"):
        fetch(PUBLISHED["cocostuff10k"], tmp_path / "data", SilentReporter(), mirror=f"{server.url}/below")
    assert not (tmp_path / "evil.sh").exists()


def test_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(DeepLabError, match=r"data: is not a folder\.$"):
        fetch(PUBLISHED["voc12"], tmp_path / "data", SilentReporter())


def test_every_address_is_complete() -> None:
    for published in PUBLISHED.values():
        for archive in published.archives:
            assert archive.url.startswith("http")
            assert archive.url.endswith((".zip", ".tar"))
            assert len(archive.md5 or "0" * 32) == 32
            assert len(archive.sha256 or "0" * 64) == 64
