import hashlib
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from worker.jobs import files


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with ThreadPoolExecutor(8) as pool:
        (secret,) = set(pool.map(files.read_secret, [path] * 32))
    assert len(secret) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_written_whole_and_keeps_odd_names(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    files.write_text(path, "caf\udce9")
    assert path.read_bytes() == b"caf\xe9"
    assert list(path.parent.iterdir()) == [path]


def test_the_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"weights")
    files.flush(path)
    files.flush(tmp_path)
    assert files.sha256_of(path) == hashlib.sha256(b"weights").hexdigest()


def test_the_tail_begins_with_a_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    assert files.read_tail(path) == ""
    path.write_text("first\nsecond\nthird\n")
    assert files.read_tail(path) == "first\nsecond\nthird\n"
    assert files.read_tail(path, 10) == "third\n"
