"""A platform of real parts: Valkey, a database, Celery workers, child processes."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.acceptance.platform import Platform
from tests.configs import tiny_model, write_config, write_weights
from tests.deeplab.drawing import draw_folder, draw_pair
from worker.jobs.settings import Settings

LABELS = ("background", "red box", "blue box")


@pytest.fixture
def platform(settings: Settings) -> Iterator[Platform]:
    """A database and a broker; tests start the workers that they need."""
    with Platform(settings) as platform:
        yield platform


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny dataset, and config.yaml, which trains a tiny model on it."""
    root = draw_folder(tmp_path_factory.mktemp("sample"))
    (root / "labels.txt").write_text("".join(f"{index}\t{name}\n" for index, name in enumerate(LABELS)))
    write_config(
        root,
        DATASET={"ROOT": str(root), "LABELS": str(root / "labels.txt"), "N_CLASSES": 3, "SCALES": [1.0]},
        IMAGE={"SIZE": {"TRAIN": 33, "TEST": 64}},
        MODEL=tiny_model(WIDTH=8),
        SOLVER={
            "BATCH_SIZE": {"TRAIN": 2},
            "ITER_SIZE": 1,
            "ITER_MAX": 40,
            "ITER_SAVE": 20,
            "ITER_TB": 10,
            "LR": 0.01,
            "FREEZE_BN": False,
        },
    )
    return root


@pytest.fixture(scope="session")
def weights(sample: Path) -> Path:
    """Weights of an untrained model, as the sample's configuration describes it."""
    return write_weights(sample / "config.yaml")


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 150 images, which makes three shards; one of them is torn."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for number in range(150):
        path = folder / f"day {number % 3}" / f"{number:03d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(draw_pair(rng, 192, 256)[0]).save(path, compress_level=1)
    torn = folder / "day 1" / "100.png"
    torn.write_bytes(torn.read_bytes()[:1000])
    return folder
