"""What all tests share: settings that point to a temporary home."""

import os
from pathlib import Path

import pytest

from worker.settings import Settings, load_settings
from worker.slots import find_gpus


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what needs a GPU on machines without one."""
    if not find_gpus():
        for item in items:
            if item.get_closest_marker("gpu") is not None:
                item.add_marker(pytest.mark.skip(reason="there is no CUDA device on this machine"))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the caller's environment says, tests see the defaults."""
    for name in [name for name in os.environ if name.startswith("DEEPLAB_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a platform in a temporary home, with times that suit tests."""
    return load_settings(home=tmp_path / "home", lease_seconds=4, reconcile_seconds=0.5, stop_seconds=3)
