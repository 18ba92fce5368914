"""The command line as a user has it: arguments in, text and an exit code out."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from worker.cli import main
from worker.jobs.settings import Settings

Deeplab = Callable[..., Result]


_TINY = {
    "DATASET": {"N_CLASSES": 3},
    "IMAGE": {"SIZE": {"TEST": 64}},
    "MODEL": {"NAME": "DeepLabV2_ResNet50_MSC", "N_BLOCKS": [1, 1, 1, 1], "ATROUS_RATES": [1, 2], "WIDTH": 4},
    "CRF": {"ITER_MAX": 1},
}


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


@pytest.fixture(scope="session")
def model_options(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Options that name a tiny model."""
    import torch

    from deeplab.config import load_config
    from deeplab.models.build import build_from_config

    folder = tmp_path_factory.mktemp("model")
    (folder / "config.yaml").write_text(yaml.safe_dump(_TINY))
    torch.manual_seed(0)
    torch.save(build_from_config(load_config(folder / "config.yaml")).state_dict(), folder / "weights.pth")
    return ["-c", str(folder / "config.yaml"), "-m", str(folder / "weights.pth"), "--cpu"]


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
