import os
import time
from pathlib import Path

from worker.jobs.cleaning.caches import discard_oldest


def test_the_oldest_are_deleted_when_there_is_too_much(tmp_path: Path) -> None:
    now = time.time()
    for name, age, size in (("a", 900, 40), ("b", 800, 30), ("c", 700, 20), ("d", 10, 30)):
        path = tmp_path / name / f"{name}.zip"
        path.parent.mkdir()
        path.write_bytes(bytes(size))
        os.utime(path, (now - age, now - age))

    def names() -> list[str]:
        return sorted(path.stem for path in tmp_path.glob("*/*.zip"))

    discard_oldest(tmp_path, 120)
    assert names() == ["a", "b", "c", "d"]
    discard_oldest(tmp_path, 100)  # down to 80
    assert names() == ["b", "c", "d"]
    discard_oldest(tmp_path, 1)  # but not what somebody looks at
    assert names() == ["d"]
