import ast
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from deeplab.densecrf.cpu import kernels
from deeplab.densecrf.cpu.kernels.compiled import drop_outdated, private_folder
from tests.deeplab.densecrf.cpu.test_engine import run

KERNELS = Path(kernels.__file__).parent

MODULE = """
from deeplab.densecrf.cpu.kernels.arrays import Floats
from deeplab.densecrf.cpu.kernels.compiled import kernel

@kernel
def first(values: Floats) -> float:
    return values[0]
"""

HITS = """
    import numpy as np
    from probe import first
    assert first(np.full(1, 3, np.float32)) == 3
    print(sum(first.stats.cache_hits.values()))
"""


def cache_hits(folder: Path) -> str:
    """What a process finds in the cache where numba is left with the one place that nobody named.

    So it is in a read-only package of a user without a home.
    """
    (folder / "probe.py").write_text(MODULE)
    locators = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    return run(HITS, TMPDIR=str(folder), PYTHONPATH=str(folder), **locators).strip()


def test_private_folder_is_made_for_this_user_alone(tmp_path: Path) -> None:
    folder = private_folder(tmp_path)
    assert folder is not None
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert private_folder(tmp_path) == folder


def test_a_folder_that_others_could_write_to_is_not_used(tmp_path: Path) -> None:
    folder = private_folder(tmp_path)
    assert folder is not None
    folder.chmod(0o777)
    assert private_folder(tmp_path) is None


def test_a_link_or_a_file_is_not_used(tmp_path: Path) -> None:
    name = f"deeplab-kernels-{os.getuid()}"
    (tmp_path / "a").mkdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "a" / name).symlink_to(tmp_path / "elsewhere")
    assert private_folder(tmp_path / "a") is None
    (tmp_path / name).write_text("")
    assert private_folder(tmp_path) is None
    assert private_folder(tmp_path / "absent") is None


def test_code_is_cached_in_the_temporary_folder_where_nothing_else_can_be_written(tmp_path: Path) -> None:
    assert cache_hits(tmp_path) == "0"
    assert list(tmp_path.glob("deeplab-kernels-*/**/*.nbi"))
    assert cache_hits(tmp_path) == "1"


def test_without_any_place_kernels_are_compiled_all_the_same(tmp_path: Path) -> None:
    folder = private_folder(tmp_path)
    assert folder is not None
    folder.chmod(0o777)
    assert cache_hits(tmp_path) == "0"
    assert not list(folder.iterdir())


def test_code_that_is_older_than_a_source_file_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    index = tmp_path / "__pycache__" / "kernels.nbi"
    for name, age in (("kernels.py", 300), ("parts.py", 300), ("__pycache__/kernels.nbi", 200)):
        (tmp_path / name).touch()
        then = (tmp_path / name).stat().st_mtime - age
        os.utime(tmp_path / name, (then, then))
    drop_outdated(tmp_path)
    assert index.exists()
    (tmp_path / "parts.py").touch()
    drop_outdated(tmp_path)
    assert not index.exists()
    drop_outdated(tmp_path)


def imported_from(path: Path) -> Iterator[str]:
    """The modules that a source file takes something from."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def test_kernels_take_nothing_from_elsewhere_in_deeplab() -> None:
    """What is cached is dropped when a file in the folder is newer: a change elsewhere would go unnoticed."""
    sources = list(KERNELS.rglob("*.py"))
    assert {path.parent for path in sources} == {KERNELS}
    imported = {name for path in sources for name in imported_from(path)}
    assert {name for name in imported if name.startswith(("deeplab", "."))} <= {
        f"deeplab.densecrf.cpu.kernels.{path.stem}" for path in sources
    }
