from pathlib import Path

import numpy as np
import pytest

from deeplab.config import load_config
from deeplab.datasets.class_names import load_class_names
from deeplab.datasets.drawn.dataset import draw_dataset
from deeplab.datasets.drawn.shapes import CLASS_NAMES, draw_scene
from deeplab.datasets.split import open_split
from deeplab.datasets.stream import open_training_stream
from deeplab.errors import OutputError
from deeplab.images.files import read_image
from deeplab.images.listing import list_images
from deeplab.models.build import build_from_config


def draw(directory: Path, seed: int = 0) -> Path:
    draw_dataset(directory, n_train=3, n_val=2, n_unlabelled=2, size=64, seed=seed)
    return directory


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.name != "config.yaml"  # it names its own folder
    }


def test_everything_that_the_jobs_need_is_drawn(tmp_path: Path) -> None:
    folder = draw(tmp_path / "new folder: ü")
    config = load_config(folder / "config.yaml")
    assert config.SOLVER.FREEZE_BN is False
    build_from_config(config)
    for split, count in (("train", 3), ("val", 2)):
        dataset = open_split(config, split)
        assert len(dataset) == count
        assert all(sample.image.shape == (64, 64, 3) for sample in (dataset[index] for index in range(count)))
    images, labels = open_training_stream(config, "train", seed=0)[0]
    assert images.shape[1:] == labels.shape == (48, 48)
    assert load_class_names(folder / "labels.txt") == list(CLASS_NAMES)
    assert list_images(folder / "unlabelled") == ["scene_00.png", "scene_01.png"]
    assert read_image(folder / "unlabelled" / "scene_00.png").shape == (96, 128, 3)


def test_equal_seeds_draw_equal_bytes(tmp_path: Path) -> None:
    first, again, other = draw(tmp_path / "a"), draw(tmp_path / "b"), draw(tmp_path / "c", seed=1)
    assert contents(first) == contents(again)
    assert contents(first)["images/val_0000.png"] != contents(other)["images/val_0000.png"]
    images = [content for name, content in contents(first).items() if name.startswith("images")]
    assert len(set(images)) == 5


def test_all_kinds_of_shapes_occur_and_stand_out_from_the_background() -> None:
    scenes = [draw_scene(96, 96, 96, np.random.default_rng(seed)) for seed in range(12)]
    labels = np.stack([scene.label_map for scene in scenes])
    shares = np.bincount(labels.ravel(), minlength=len(CLASS_NAMES)) / labels.size
    assert 0.4 < shares[0] < 0.85
    assert (shares[1:] > 0.01).all()
    assert np.stack([scene.image for scene in scenes])[labels > 0].std() > 30


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(OutputError, match="is not empty; the dataset needs a new or empty folder"):
        draw(tmp_path)
    with pytest.raises(OutputError, match="is not empty"):
        draw(tmp_path / "mine.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_impossible_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="32 pixels or more"):
        draw_dataset(tmp_path / "new", size=16)
    assert not (tmp_path / "new").exists()
