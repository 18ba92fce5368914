import io
import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from deeplab.archives import Limits, unpack
from deeplab.errors import DatasetError, OutputError
from deeplab.reporter import SilentReporter, Stopped
from tests.reporters import Recorder

FILES = {"VOC/a.txt": b"alpha" * 500, "VOC/images/b c.bin": bytes(range(256)), "d": b""}


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        archive.mkdir("empty")
    return path


def write_tar(path: Path, files: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".tgz" else "w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


Writer = Callable[[Path, Mapping[str, bytes]], Path]
WRITERS = {"a.zip": write_zip, "a.tar": write_tar, "a.tgz": write_tar}


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(params=WRITERS)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return WRITERS[request.param](tmp_path / request.param, FILES)


def test_every_file_arrives_and_is_counted(archive: Path, tmp_path: Path) -> None:
    recorder = Recorder()
    assert unpack(archive, tmp_path / "new/folder", recorder) == 3
    assert tree(tmp_path / "new/folder") == FILES
    assert recorder.progressed == [(1, 3, "file"), (2, 3, "file"), (3, 3, "file")]


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (Limits(files=2, ratio=10**6), "holds 3 files; the limit is 2."),
        (Limits(files=3, ratio=1, always=1000), "unpacks to 2,756 bytes, more than 1 times its size"),
    ],
)
def test_more_than_the_limits_is_refused(tmp_path: Path, limits: Limits, sentence: str) -> None:
    archive = write_zip(tmp_path / "a.zip", FILES)
    with pytest.raises(DatasetError, match=re.escape(sentence)):
        unpack(archive, tmp_path / "in", SilentReporter(), limits=limits)
    assert tree(tmp_path / "in") == {}
    assert unpack(archive, tmp_path / "in", SilentReporter(), limits=Limits(files=3, ratio=1)) == 3


def test_interrupted_call_is_continued(archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    with pytest.raises(Stopped):
        unpack(archive, folder, Recorder(stop_after=1))
    first = folder / "VOC/a.txt"
    assert list(tree(folder)) == ["VOC/a.txt"]
    first.write_bytes(first.read_bytes()[:-1])  # as if the process had been killed in the middle
    kept = folder / "VOC/images/b c.bin"
    kept.parent.mkdir()
    kept.write_bytes(bytes(256))  # of full size: left alone, whatever is in it
    recorder = Recorder()
    unpack(archive, folder, recorder)
    assert tree(folder) == {**FILES, "VOC/images/b c.bin": bytes(256)}
    assert recorder.progressed == [(2, 3, "file"), (3, 3, "file")]


@pytest.mark.parametrize("writer", [write_zip, write_tar])
@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/tmp/evil", "a/.."])  # noqa: S108
def test_paths_that_lead_out_are_refused(tmp_path: Path, writer: object, name: str) -> None:
    path = (write_zip if writer is write_zip else write_tar)(tmp_path / "a", {"good": b"1", name: b"2"})
    with pytest.raises(DatasetError, match="a path that leads out of the folder") as caught:
        unpack(path, tmp_path / "in/folder", SilentReporter())
    assert repr(name) in str(caught.value)
    assert tree(tmp_path / "in") == {}


@pytest.mark.parametrize("writer", [write_zip, write_tar])
def test_a_file_without_a_name_is_refused(tmp_path: Path, writer: Writer) -> None:
    with pytest.raises(DatasetError, match=r"holds '\.?', a path that leads out of the folder"):
        unpack(writer(tmp_path / "a", {"": b"1"}), tmp_path / "folder", SilentReporter())


@pytest.mark.parametrize("writer", [write_zip, write_tar])
def test_a_link_in_the_folder_is_replaced(tmp_path: Path, writer: Writer) -> None:
    other, link = tmp_path / "other", tmp_path / "folder/a"
    other.write_bytes(b"m")
    link.parent.mkdir()
    link.symlink_to(other)
    unpack(writer(tmp_path / "packed", {"a": b"1"}), link.parent, SilentReporter())
    assert (link.is_symlink(), link.read_bytes(), other.read_bytes()) == (False, b"1", b"m")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        entry = tarfile.TarInfo("link")
        entry.type = kind
        entry.linkname = "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(DatasetError, match="'link', which is a link or a device"):
        unpack(tmp_path / "a.tar", tmp_path / "folder", SilentReporter())


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc")
    with pytest.raises(DatasetError, match="'link', which is a link or a device"):
        unpack(tmp_path / "a.zip", tmp_path / "folder", SilentReporter())


def test_damaged_archives_are_refused(archive: Path, tmp_path: Path) -> None:
    content = archive.read_bytes()
    for damaged in (content[: min(1500, len(content) // 2)], content[:2] + bytes(10) + content[12:], b"no archive"):
        archive.write_bytes(damaged)
        with pytest.raises(DatasetError, match=r"a\.\w+: cannot be unpacked: \S") as caught:
            unpack(archive, tmp_path / "folder", SilentReporter())
        assert "\n" not in str(caught.value)


def test_file_with_a_wrong_sum_does_not_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.bin", bytes(100))
    path.write_bytes(path.read_bytes().replace(bytes(100), bytes(99) + b"\1"))
    for _ in range(2):
        with pytest.raises(DatasetError, match="Bad CRC-32"):
            unpack(path, tmp_path / "folder", SilentReporter())


def test_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"a\.zip: the archive does not exist"):
        unpack(tmp_path / "a.zip", tmp_path / "folder", SilentReporter())


def test_file_that_cannot_be_written(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "folder/VOC/a.txt").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"a\.txt: cannot be written: Is a directory"):
        unpack(archive, tmp_path / "folder", SilentReporter())
    assert os.listdir(tmp_path / "folder") == ["VOC"]  # noqa: PTH208
