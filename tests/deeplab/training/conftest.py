"""The dataset and the configuration of most trainings."""

from pathlib import Path

import pytest

from deeplab.config import Config
from tests.deeplab.drawing import draw_folder
from tests.deeplab.training.runs import configure


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture
def config(root: Path) -> Config:
    return configure(root)
