"""A platform of real parts: Valkey, a database, Celery workers, child processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.acceptance.platform import Platform
from tests.deeplab.drawing import draw_folder
from worker.settings import Settings

LABELS = ("background", "red box", "blue box")


@pytest.fixture
def platform(settings: Settings) -> Iterator[Platform]:
    """A database and a broker; tests start the workers that they need."""
    with Platform(settings) as platform:
        yield platform


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny data set, and config.yaml, which trains a tiny network on it."""
    root = draw_folder(tmp_path_factory.mktemp("sample"))
    (root / "labels.txt").write_text("".join(f"{index}\t{name}\n" for index, name in enumerate(LABELS)))
    config = {
        "DATASET": {"ROOT": str(root), "LABELS": str(root / "labels.txt"), "N_CLASSES": 3, "SCALES": [1.0]},
        "IMAGE": {"SIZE": {"TRAIN": 33, "TEST": 64}},
        "MODEL": {"NAME": "DeepLabV2_ResNet50", "N_BLOCKS": [1, 1, 1, 1], "ATROUS_RATES": [2], "WIDTH": 8},
        "SOLVER": {
            "BATCH_SIZE": {"TRAIN": 2},
            "ITER_SIZE": 1,
            "ITER_MAX": 40,
            "ITER_SAVE": 10,
            "ITER_TB": 5,
            "LR": 0.01,
            "FREEZE_BN": False,
        },
    }
    (root / "config.yaml").write_text(yaml.safe_dump(config))
    return root
