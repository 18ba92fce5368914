import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from worker.jobs.secret import read_secret


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with ThreadPoolExecutor(8) as pool:
        (secret,) = set(pool.map(read_secret, [path] * 32))
    assert len(secret) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
