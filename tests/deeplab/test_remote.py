"""Copies of files on a real server that speaks S3."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deeplab import mirrors, remote, remote_copies
from deeplab.errors import StorageAwayError, StorageError
from deeplab.files import delete_file, printable, read_text, write_text
from deeplab.images.listing import scan_folder
from deeplab.mirrors import Mirror, Mirrors, local_path
from tests.s3 import S3, serve_s3


@pytest.fixture(scope="module")
def server() -> Iterator[S3]:
    with pytest.MonkeyPatch.context() as monkeypatch, serve_s3(monkeypatch) as s3:
        yield s3


@pytest.fixture
def s3(server: S3, tmp_path: Path) -> Iterator[S3]:
    mount(tmp_path, f"{server.url}/{tmp_path.name}")
    yield server
    mirrors.mount(Mirrors())


def mount(home: Path, url: str, *, most_bytes: int = 10**9, seconds: float = 30) -> None:
    found = (Mirror(home / "remote", ""), Mirror(home / "jobs", url, constant=True))
    mirrors.mount(Mirrors(found, most_bytes, seconds))


def test_a_url_is_a_path_and_reads_as_the_url(s3: S3, tmp_path: Path) -> None:
    path = local_path("s3://bucket/a b/c.jpg")
    assert path == tmp_path / "remote" / "s3" / "bucket" / "a b" / "c.jpg"
    assert printable(path) == mirrors.url_of(path) == "s3://bucket/a b/c.jpg"
    assert mirrors.url_of(local_path("file:///data/x")) == "file:///data/x"
    assert printable(tmp_path / "jobs" / "7") == str(tmp_path / "jobs" / "7")
    assert local_path("/data/s3") == Path("/data/s3")
    with pytest.raises(ValueError, match=r"cannot hold `\.\.`"):
        local_path("s3://bucket/../other")
    mirrors.mount(Mirrors())
    with pytest.raises(ValueError, match="expected a path"):
        local_path("s3://bucket/a")


def test_a_file_is_fetched_once_and_again_when_it_has_changed(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = local_path(f"{s3.url}/fetched.txt")
    with pytest.raises(FileNotFoundError, match="No such file"):
        read_text(path)
    s3.put("fetched.txt", b"first")
    assert read_text(path) == "first"
    s3.put("fetched.txt", b"second, and longer")
    assert read_text(path) == "first"  # known well enough for a minute
    monkeypatch.setattr(remote_copies, "KNOWN_SECONDS", 0)
    assert read_text(path) == "second, and longer"


def test_a_file_that_was_written_lies_on_the_storage_under_its_last_name_alone(s3: S3, tmp_path: Path) -> None:
    path = tmp_path / "jobs" / "1" / "2" / "names.txt"
    write_text(path, "hello")
    write_text(path.with_name("outcome.json"), "{}", sends=False)
    assert s3.names(tmp_path.name) == [f"{tmp_path.name}/1/2/names.txt"]
    path.unlink()
    assert remote.is_file(path)
    assert read_text(path) == "hello"
    delete_file(path)
    assert not remote.is_file(path)


def test_folders_list_as_they_would_here(s3: S3) -> None:
    for name in ("b/2.jpg", "b/1.png", "a b/3.jpg", "b.txt", ".hidden/4.jpg", "b/run.json"):
        s3.put(f"listed/{name}", b"x")
    folder = local_path(f"{s3.url}/listed")
    listing = scan_folder(folder)
    assert listing.paths == ["a b/3.jpg", "b/1.png", "b/2.jpg"]
    assert listing.others == ["b.txt", "b/run.json"]
    assert remote.status_by_listing(folder / "b" / "1.png") == remote.status(folder / "b" / "1.png")


def test_the_copies_used_longest_ago_make_room(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_copies, "_KEPT_SECONDS", -1)
    mount(tmp_path, f"{s3.url}/{tmp_path.name}", most_bytes=100_000)
    paths = [local_path(f"{s3.url}/room/{number}") for number in range(30)]
    for number, path in enumerate(paths):
        s3.put(f"room/{number}", bytes(5000))
        remote.fetch(path)
    unsent = tmp_path / "jobs" / "unsent"
    unsent.parent.mkdir()
    unsent.write_bytes(bytes(50_000))
    remote.fetch(paths[0])
    left = [path for path in paths if path.exists()]
    assert sum(path.stat().st_size for path in left) <= 100_000
    assert paths[-1] in left
    assert unsent.exists()


def test_what_storage_refuses_is_one_sentence(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mount(tmp_path, "s3://no-such-bucket/x")
    with pytest.raises(StorageError, match=r"^s3://no-such-bucket/x/a: cannot be written: there is no such bucket"):
        write_text(tmp_path / "jobs" / "a", "x")
    mount(tmp_path, "nonsense://x")
    with pytest.raises(StorageError, match=r"^nonsense://x/a: cannot be used: Protocol not known: nonsense"):
        write_text(tmp_path / "jobs" / "a", "x")


def test_storage_that_is_away_is_waited_for(s3: S3, tmp_path: Path) -> None:
    url = f"{s3.url}/{tmp_path.name}"
    s3.go_away()
    try:
        mount(tmp_path, url, seconds=0.1)
        with pytest.raises(StorageAwayError, match=r"^The storage of s3://tests/.*/a does not answer") as caught:
            write_text(tmp_path / "jobs" / "a", "x")
        assert "secret" not in str(caught.value)
        mount(tmp_path, url, seconds=60)
        waiting = threading.Thread(target=write_text, args=(tmp_path / "jobs" / "a", "x"))
        waiting.start()
        time.sleep(0.5)
    finally:
        s3.come_back()
    waiting.join()
    assert s3.names(tmp_path.name) == [f"{tmp_path.name}/a"]
