"""The command line as a user has it: arguments in, text and an exit code out."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.configs import tiny_model, write_config, write_weights
from worker.cli import main
from worker.jobs.settings import Settings

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
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.jpg").touch()
    return Files(write_config(tmp_path), images)


@pytest.fixture(scope="session")
def model_options(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Options that name a tiny model."""
    folder, model = tmp_path_factory.mktemp("model"), tiny_model("DeepLabV2_ResNet50_MSC")
    config = write_config(folder, IMAGE={"SIZE": {"TEST": 64}}, MODEL=model, CRF={"ITER_MAX": 1})
    return ["-c", str(config), "-m", str(write_weights(config)), "--cpu"]


@pytest.fixture(scope="session")
def server() -> str:
    """The name of a display of 640x480 pixels.

    Xlib ends a process whose server goes away, also long after its last window; so this server stays until its last
    client, which is this process, is gone.
    """
    xvfb = shutil.which("Xvfb")
    if xvfb is None:
        pytest.skip("Xvfb is not installed")
    reading, writing = os.pipe()
    command = [xvfb, "-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp", "-terminate"]
    silence = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
    os.posix_spawn(xvfb, command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, writing, 1), silence])
    os.close(writing)
    with os.fdopen(reading) as number:
        return f":{number.readline().strip()}"


@pytest.fixture
def display(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A display that the environment names."""
    monkeypatch.setenv("DISPLAY", server)
    return server
