from pathlib import Path

import pytest

from deeplab.errors import OutputError
from worker.jobs import storage, uploads
from worker.jobs.settings import Settings, load_settings
from worker.jobs.uploads import Upload, UploadError


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path / "home", upload_mb=1, upload_files=3, free_disk_mb=1)


def test_files_come_in_parts_and_in_folders(settings: Settings) -> None:
    begun = uploads.begin(settings, 2, 7)
    assert uploads.append(settings, begun.id, "a/b.txt", 0, b"abc") == 3
    assert uploads.append(settings, begun.id, "a/b.txt", 3, b"d") == 4
    assert uploads.append(settings, begun.id, "a/b.txt", 3, b"d") == 4  # the answer was lost
    assert uploads.append(settings, begun.id, "a\\c.txt", 0, b"xyz") == 3
    assert uploads.finish(settings, begun.id) == Upload(begun.id, 2, 7)
    folder = uploads.find(settings, begun.id)
    assert folder == storage.uploads_dir(settings) / begun.id
    assert (folder / "a/b.txt").read_bytes() + (folder / "a/c.txt").read_bytes() == b"abcdxyz"
    assert [path.name for path in storage.uploads_dir(settings).iterdir()] == [begun.id]
    uploads.discard(settings, begun.id)
    assert list(storage.uploads_dir(settings).iterdir()) == []


def test_a_single_file_is_found_itself(settings: Settings) -> None:
    begun = uploads.begin(settings, 1, 2)
    uploads.append(settings, begun.id, "export.zip", 0, b"PK")
    uploads.finish(settings, begun.id)
    assert uploads.find(settings, begun.id).name == "export.zip"


def test_an_upload_is_complete_or_none(settings: Settings) -> None:
    begun = uploads.begin(settings, 2, 7)
    uploads.append(settings, begun.id, "a.txt", 0, b"abcd")
    with pytest.raises(UploadError, match="1 of 2 files and 4 of 7 bytes have come"):
        uploads.finish(settings, begun.id)
    with pytest.raises(UploadError, match="There is no upload"):
        uploads.find(settings, begun.id)
    with pytest.raises(UploadError, match="has 4 bytes so far, but a part begins at 5"):
        uploads.append(settings, begun.id, "a.txt", 5, b"x")
    with pytest.raises(UploadError, match="More was sent than the 2 files and 7 bytes"):
        uploads.append(settings, begun.id, "b.txt", 0, b"12345678")
    uploads.append(settings, begun.id, "b.txt", 0, b"123")
    with pytest.raises(UploadError, match="More was sent"):
        uploads.append(settings, begun.id, "c.txt", 0, b"")
    assert uploads.finish(settings, begun.id).n_files == 2


@pytest.mark.parametrize(("n_files", "n_bytes"), [(4, 10), (1, 1_000_001)])
def test_an_upload_is_bounded(settings: Settings, n_files: int, n_bytes: int) -> None:
    with pytest.raises(UploadError, match="is too large; the limits are 3 files and 1,000,000 bytes"):
        uploads.begin(settings, n_files, n_bytes)


def test_an_upload_leaves_room_on_the_disk(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home", free_disk_mb=10**9)
    with pytest.raises(OutputError, match="are needed"):
        uploads.begin(settings, 1, 10)


@pytest.mark.parametrize("name", ["", "..", "a/../../b", "/etc/passwd", "a\0b", "a\nb", "x" * 300, "/".join("x" * 30)])
def test_no_file_leads_out_of_its_upload(settings: Settings, name: str) -> None:
    begun = uploads.begin(settings, 1, 10)
    with pytest.raises(UploadError, match="cannot be the name of a file"):
        uploads.append(settings, begun.id, name, 0, b"x")


def test_a_file_is_no_folder(settings: Settings) -> None:
    begun = uploads.begin(settings, 2, 10)
    uploads.append(settings, begun.id, "a/b", 0, b"x")
    for name in ("a", "a/b/c"):
        with pytest.raises(UploadError, match="cannot be both a file and a folder"):
            uploads.append(settings, begun.id, name, 0, b"x")


@pytest.mark.parametrize("upload_id", ["", "..", "0" * 31, "0" * 32])
def test_unknown_uploads_are_refused(settings: Settings, upload_id: str) -> None:
    with pytest.raises(UploadError, match=r"is not the id of an upload|is on its way"):
        uploads.append(settings, upload_id, "a", 0, b"x")
    with pytest.raises(UploadError, match=r"is not the id of an upload|There is no upload"):
        uploads.find(settings, upload_id)
