import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from worker.jobs.secret import read_secret


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with ThreadPoolExecutor(8) as pool:
        (secret,) = set(pool.map(read_secret, [path] * 32))
    assert len(secret) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "x", "x" * 31, " " * 40])
def test_a_secret_that_can_be_guessed_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(OSError, match="characters, of which a secret has 32 or more; delete the file"):
        read_secret(path)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o606])
def test_a_secret_that_others_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    path.write_text("x" * 43)
    path.chmod(mode)
    with pytest.raises(OSError, match="can be opened by others; if none has, run: chmod 600"):
        read_secret(path)
    path.chmod(0o600)
    assert read_secret(path) == "x" * 43


def test_a_secret_is_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("x" * 43)
    (tmp_path / "other").chmod(0o600)
    (tmp_path / "link").symlink_to("other")
    (tmp_path / "nowhere").symlink_to("nothing")
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("link", "nowhere"):
        with pytest.raises(OSError, match="Too many levels of symbolic links"):
            read_secret(tmp_path / name)
    with pytest.raises(OSError, match="is not a regular file"):
        read_secret(tmp_path / "pipe")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_secret_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("x" * 43)
    path.chmod(0o600)
    os.chown(path, 12345, -1)
    with pytest.raises(OSError, match="belongs to somebody else"):
        read_secret(path)
