from pathlib import Path

import psutil
import pytest

from deeplab.memory import available_memory

GIB = 2**30


def test_a_limit_of_the_control_group_counts(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(f"{GIB // 2}\n")
    (tmp_path / "memory.current").write_text(f"{GIB // 4}\n")
    assert available_memory(tmp_path) == GIB // 4
    (tmp_path / "memory.stat").write_text(f"anon 5\ninactive_file {GIB // 8}\n")
    assert available_memory(tmp_path) == GIB // 4 + GIB // 8
    (tmp_path / "memory.current").write_text(f"{GIB}\n")
    assert available_memory(tmp_path) == 0


def test_that_of_older_kernels_too(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text(f"{GIB // 2}\n")
    (tmp_path / "memory" / "memory.usage_in_bytes").write_text("0\n")
    assert available_memory(tmp_path) == GIB // 2


@pytest.mark.parametrize("limit", ["max\n", "9223372036854771712\n", None])
def test_without_a_limit_it_is_what_the_machine_has(tmp_path: Path, limit: str | None) -> None:
    if limit is not None:
        (tmp_path / "memory.max").write_text(limit)
        (tmp_path / "memory.current").write_text("1000\n")
    assert GIB // 16 < available_memory(tmp_path) <= psutil.virtual_memory().total
