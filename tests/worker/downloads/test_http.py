import fcntl
import hashlib
import json
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest

from deeplab.errors import OutputError
from deeplab.reporter import SilentReporter, Stopped
from tests.file_server import FileServer, serve_files
from tests.reporters import Recorder
from worker.downloads.http import DownloadError, _require_encrypted, download

CONTENT = np.random.default_rng(0).bytes(3_000_017)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
IN_THE_MIDDLE = 2  # times that progress is told: of 0 and of 1 MB
fetch = partial(download, reporter=SilentReporter(), pause_seconds=0.01)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a file.zip").write_bytes(CONTENT)
    with serve_files(folder) as server:
        server.url += "/a%20file.zip"
        yield server


def test_file_arrives_whole_and_progress_is_told(tmp_path: Path, server: FileServer) -> None:
    target, recorder = tmp_path / "new/folder/a.zip", Recorder()
    fetch(server.url, target, sha256=SHA256, reporter=recorder)
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["a.zip"]
    assert recorder.progressed[-1] == (4, 4, "megabyte")
    assert all(total == 4 for _, total, _ in recorder.progressed)


def test_an_existing_file_is_not_fetched_again(tmp_path: Path, server: FileServer) -> None:
    target = tmp_path / "a.zip"
    for _ in range(2):
        fetch(server.url, target, md5=hashlib.md5(CONTENT).hexdigest())  # noqa: S324
    assert len(server.ranges) == 1


def test_an_existing_file_with_another_digest_is_named_and_kept(tmp_path: Path, server: FileServer) -> None:
    target = tmp_path / "a.zip"
    target.write_bytes(b"mine")
    with pytest.raises(DownloadError, match=rf"a\.zip: has the sha256 \w+; {SHA256} was published"):
        fetch(server.url, target, sha256=SHA256)
    assert target.read_bytes() == b"mine"


def test_broken_transfers_are_continued(tmp_path: Path, server: FileServer) -> None:
    server.break_after = [1_000_000, 5, 1_000_000 + 3]
    fetch(server.url, tmp_path / "a.zip", sha256=SHA256)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={1_000_000}-", f"bytes={1_000_000 + 5}-", f"bytes={2_000_008}-"]


def test_later_call_continues_where_an_earlier_one_was_stopped(tmp_path: Path, server: FileServer) -> None:
    target = tmp_path / "a.zip"
    with pytest.raises(Stopped):
        fetch(server.url, target, reporter=Recorder(stop_after=IN_THE_MIDDLE))
    assert not target.exists()
    kept = (tmp_path / "a.zip.part").stat().st_size
    assert 1_000_000 <= kept < len(CONTENT)
    fetch(server.url, target, sha256=SHA256)
    assert target.read_bytes() == CONTENT
    assert server.ranges[-1] == f"bytes={kept}-"


def test_complete_part_only_gets_its_name(tmp_path: Path, server: FileServer) -> None:
    target = tmp_path / "a.zip"
    with pytest.raises(Stopped):
        fetch(server.url, target, reporter=Recorder(stop_after=IN_THE_MIDDLE))
    (tmp_path / "a.zip.part").write_bytes(CONTENT)
    fetch(server.url, target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("length", [1_000_000, 9_000_000])
def test_another_file_on_the_server_is_fetched_from_its_start(tmp_path: Path, server: FileServer, length: int) -> None:
    target = tmp_path / "a.zip"
    with pytest.raises(Stopped):
        fetch(server.url, target, reporter=Recorder(stop_after=IN_THE_MIDDLE))
    other = bytes(length)
    (server.folder / "a file.zip").write_bytes(other)
    fetch(server.url, target)
    assert target.read_bytes() == other


def test_part_longer_than_the_servers_file_is_fetched_anew(tmp_path: Path, server: FileServer) -> None:
    target = tmp_path / "a.zip"
    with pytest.raises(Stopped):
        fetch(server.url, target, reporter=Recorder(stop_after=IN_THE_MIDDLE))
    (tmp_path / "a.zip.part").write_bytes(CONTENT + b"more")
    fetch(server.url, target, sha256=SHA256)
    assert target.read_bytes() == CONTENT


def test_without_a_validator_a_transfer_starts_anew(tmp_path: Path, server: FileServer) -> None:
    server.no_validator = True
    server.break_after = [1_000_000]
    fetch(server.url, tmp_path / "a.zip", sha256=SHA256)
    assert server.ranges == [None, None]


def test_part_of_another_address_is_not_continued(tmp_path: Path, server: FileServer) -> None:
    (tmp_path / "a.zip.part").write_bytes(b"of another file")
    (tmp_path / "a.zip.part.json").write_text(json.dumps({"url": "http://example.org/", "validator": '"1"'}))
    fetch(server.url, tmp_path / "a.zip", sha256=SHA256)
    assert server.ranges == [None]


def test_wrong_digest_is_refused_and_nothing_is_left(tmp_path: Path, server: FileServer) -> None:
    target = tmp_path / "new/a.zip"
    with pytest.raises(DownloadError, match=r"a\.zip: has the sha256 \w+; 00FF was published"):
        fetch(server.url, target, sha256="00FF")
    assert list(target.parent.iterdir()) == []


def test_first_digits_of_a_digest_suffice(tmp_path: Path, server: FileServer) -> None:
    fetch(server.url, tmp_path / "a.zip", sha256=SHA256[:8])
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_busy_server_is_asked_again(tmp_path: Path, server: FileServer) -> None:
    server.busy = 2
    fetch(server.url, tmp_path / "a.zip", sha256=SHA256)
    assert len(server.ranges) == 3


def test_server_that_stays_busy_and_one_that_refuses(tmp_path: Path, server: FileServer) -> None:
    server.busy = 99
    with pytest.raises(DownloadError, match="failed after 0 MB: the server answered 503 Service Unavailable"):
        fetch(server.url, tmp_path / "a.zip")
    server.busy = 0
    with pytest.raises(DownloadError, match=r"nowhere: the server answered 404 Not Found\.$"):
        fetch(f"{server.url}/nowhere", tmp_path / "a.zip")


def test_nobody_answers(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(DownloadError, match="failed after 0 MB") as caught:
            fetch(f"http://127.0.0.1:{free.getsockname()[1]}/a", tmp_path / "a")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://example.org/a", "http://host:port/", "a.zip"])
def test_invalid_addresses_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadError):
        fetch(url, tmp_path / "a")


def test_a_redirect_from_https_to_http_is_not_followed() -> None:
    _require_encrypted("http://a.example/x", httpx.Request("GET", "http://b.example/x"))
    _require_encrypted("https://a.example/x", httpx.Request("GET", "https://b.example/x"))
    with pytest.raises(
        DownloadError, match=r"https://a\.example/x: leads to http://b\.example, which is not encrypted"
    ):
        _require_encrypted("https://a.example/x", httpx.Request("GET", "http://b.example/x"))


def test_no_link_is_followed(tmp_path: Path, server: FileServer) -> None:
    other, path = tmp_path / "other", tmp_path / "a.zip"
    other.write_text("mine")
    (tmp_path / "a.zip.part").symlink_to(other)
    with pytest.raises(DownloadError, match=r"a\.zip\.part: is a link, which no download leaves; delete it"):
        fetch(server.url, path)
    (tmp_path / "a.zip.part").unlink()
    (tmp_path / "a.zip.part.json").symlink_to(other)
    fetch(server.url, path)
    assert (path.read_bytes(), other.read_text()) == (CONTENT, "mine")


def test_two_processes_do_not_write_one_file(tmp_path: Path, server: FileServer) -> None:
    with (tmp_path / "a.zip.part").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match="another process is downloading this file"):
            fetch(server.url, tmp_path / "a.zip")


def test_file_that_cannot_be_written(tmp_path: Path, server: FileServer) -> None:
    (tmp_path / "a.zip.part").mkdir()
    with pytest.raises(OutputError, match=r"a\.zip: cannot be written: Is a directory"):
        fetch(server.url, tmp_path / "a.zip")
