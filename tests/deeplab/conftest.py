"""What the tests of the core share: the original's numbers, where they are at hand."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

_SHARED = Path(__file__).parents[3] / "shared"  # beside the repository


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of numbers that the original implementation produced."""
    folder = _SHARED / "golden"
    if not folder.is_dir():
        pytest.skip(f"the original's numbers are not at hand: {folder} does not exist")
    return folder


@pytest.fixture(scope="session")
def camvid() -> Path:
    """The folder of street scenes."""
    folder = _SHARED / "camvid"
    if not folder.is_dir():
        pytest.skip(f"the street scenes are not at hand: {folder} does not exist")
    return folder


@pytest.fixture(scope="session")
def recipe(golden: Path) -> ModuleType:
    """The module that makes the weights and inputs of the golden numbers."""
    spec = importlib.util.spec_from_file_location("golden_recipe", golden / "fill.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
