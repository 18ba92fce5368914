"""In processes of their own, because a confinement holds until the end of one."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from PIL import Image

from deeplab.confinement import confine
from deeplab.datasets.class_names import load_class_names
from deeplab.errors import DeepLabError
from deeplab.files import write_text
from deeplab.images.files import read_image

T = TypeVar("T")


def confined(root: Path, action: Callable[[Path], T], path: Path) -> T | str:
    """What an action on a path comes to in a process that is confined to a folder; an error as its sentence."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_act, root, action, path).result(60)


def _act(root: Path, action: Callable[[Path], T], path: Path) -> T | str:
    confine([root], [root / "out"])
    try:
        return action(path)
    except DeepLabError as error:
        return str(error)


def _size(path: Path) -> tuple[int, ...]:
    return read_image(path).shape


def _write(path: Path) -> str:
    write_text(path, "x")
    return path.read_text()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with links that lead out of it, and secrets beside it."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    for path in (root / "a.png", outside / "private.png", root / ".cache" / "hidden.png"):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3)).save(path)
    (outside / "password").write_text("hunter2")
    (root / "leak.png").symlink_to(outside / "private.png")
    (root / "folder").symlink_to(outside)
    (root / "val.txt").symlink_to(outside / "password")
    (root / "inside.png").symlink_to(root / "a.png")
    (root / "out").mkdir()
    (root / "out" / "masks").symlink_to(outside)
    return root


def test_what_lies_inside_is_read_and_written(root: Path) -> None:
    assert confined(root, _size, root / "a.png") == confined(root, _size, root / "inside.png")
    assert confined(root, _write, root / "out" / "new" / "a.txt") == "x"


@pytest.mark.parametrize("name", ["leak.png", "folder/private.png", ".cache/hidden.png", "../outside/private.png"])
def test_images_elsewhere_and_hidden_ones_are_not_read(root: Path, name: str) -> None:
    sentence = confined(root, _size, root / name)
    assert sentence == f"{root / name}: cannot be read: leads out of the folders that its job may read."


def test_texts_elsewhere_are_not_read(root: Path) -> None:
    sentence = confined(root, load_class_names, root / "val.txt")
    assert sentence == (
        f"{root / 'val.txt'}: the labels file cannot be read: leads out of the folders that its job may read."
    )


@pytest.mark.parametrize("name", ["out/masks/a.png", "out/masks/new/a.png", "a.txt"])
def test_nothing_is_written_elsewhere(root: Path, name: str) -> None:
    sentence = confined(root, _write, root / name)
    assert "leads out of the folders that its job may write to" in str(sentence)
    assert sorted(path.name for path in (root.parent / "outside").iterdir()) == ["password", "private.png"]
