"""The command line as a user has it: arguments in, text and an exit code out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from worker.cli import main
from worker.settings import Settings

Deeplab = Callable[..., Result]


@dataclass(frozen=True)
class Files:
    """What a request may name."""

    config: Path
    images: Path


@pytest.fixture
def home(sqlite_store: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An empty store in the home folder that the commands use."""
    monkeypatch.setenv("DEEPLAB_HOME", str(sqlite_store.home))
    return sqlite_store


@pytest.fixture
def deeplab() -> Deeplab:
    """Runs `deeplab` with some arguments."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="deeplab")

    return run


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A configuration that can be submitted, and a folder with something that is called an image."""
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"DATASET": {"N_CLASSES": 3}}))
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.jpg").touch()
    return Files(config, images)
