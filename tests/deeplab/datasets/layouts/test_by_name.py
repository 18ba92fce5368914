from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deeplab.catalog import DATASET_NAMES
from deeplab.config import Config, parse_config
from deeplab.datasets.split import open_split
from deeplab.datasets.stream import open_training_stream
from deeplab.errors import ConfigError, DatasetError
from deeplab.images.files import read_image
from deeplab.images.masks import read_mask
from tests.deeplab.datasets.arrangements import LAYOUTS, Source, arrange, draw_sources


def config(n_classes: int, dataset: dict[str, Any]) -> Config:
    return parse_config({"DATASET": {"N_CLASSES": n_classes, **dataset}, "IMAGE": {"SIZE": {"TRAIN": 16}}}, "test")


def compare(settings: Config, layout: str, split: str, sources: list[Source]) -> None:
    """The samples of a split are the pairs that were arranged."""
    dataset = open_split(settings, split)
    assert dataset.ids == [source.id for source in sources]
    for index, source in enumerate(sources):
        sample, label = dataset[index], read_mask(source.mask)
        assert np.array_equal(sample.image, read_image(source.image))
        assert np.array_equal(sample.label_map, np.where(label == 255, 0, label) if layout == "coco" else label)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_samples_are_what_was_arranged(tmp_path: Path, layout: str) -> None:
    train, val = (draw_sources(tmp_path / f"drawn{seed}", n=4, n_classes=5, seed=seed) for seed in range(2))
    settings = config(5, {**arrange(layout, tmp_path / "root", train, val), "WARP": False})
    compare(settings, layout, settings.DATASET.SPLIT.TRAIN, train)
    compare(settings, layout, settings.DATASET.SPLIT.VAL, val)
    image, labels = open_training_stream(settings, settings.DATASET.SPLIT.TRAIN, seed=0)[0]
    assert image.shape == (3, 16, 16)
    assert labels.shape == (16, 16)


def test_every_layout_is_tried() -> None:
    assert {"folder", *LAYOUTS} == set(DATASET_NAMES)


def test_cocostuff10k_is_warped_unless_the_config_says_otherwise(tmp_path: Path) -> None:
    sources = draw_sources(tmp_path / "drawn", n=1, n_classes=5)
    dataset = arrange("cocostuff10k", tmp_path / "root", sources, sources)
    sample = open_split(config(5, dataset), "test")[0]
    assert sample.image.shape == (513, 513, 3)
    assert set(sample.label_map.ravel().tolist()) == set(read_mask(sources[0].mask).ravel().tolist())
    other = arrange("voc", tmp_path / "voc", sources, sources)
    assert open_split(config(5, other), "val")[0].label_map.shape == read_mask(sources[0].mask).shape


@pytest.mark.parametrize("layout", ["folder", *LAYOUTS])
def test_root_must_be_named_and_there(tmp_path: Path, layout: str) -> None:
    with pytest.raises(ConfigError, match=r"^DATASET\.ROOT is empty"):
        open_split(config(5, {"NAME": layout}), "train")
    with pytest.raises(DatasetError, match=r"nowhere: the dataset's folder does not exist\.$"):
        open_split(config(5, {"NAME": layout, "ROOT": str(tmp_path / "nowhere")}), "train")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_unknown_split_is_named(tmp_path: Path, layout: str) -> None:
    sources = draw_sources(tmp_path / "drawn", n=1, n_classes=5)
    settings = config(5, arrange(layout, tmp_path / "root", sources, sources))
    with pytest.raises(DatasetError, match=r"night(\.\w+)?: the (split list|folder|annotations) do(es)? not exist\.$"):
        open_split(settings, "night")


@pytest.mark.parametrize("layout", [layout for layout in LAYOUTS if layout != "cocostuff164k"])
def test_missing_images_are_counted_and_ten_are_named(tmp_path: Path, layout: str) -> None:
    train, val = (draw_sources(tmp_path / f"drawn{seed}", n=14, n_classes=5, seed=seed) for seed in range(2))
    settings = config(5, arrange(layout, tmp_path / "root", train, val))
    for source in train[1:]:
        next((tmp_path / "root").rglob(f"{source.id}.jpg")).unlink()
    split = settings.DATASET.SPLIT.TRAIN
    with pytest.raises(DatasetError) as caught:
        open_split(settings, split)
    names = ", ".join(f"{source.id}.jpg" for source in train[1:11])
    assert str(caught.value).endswith(f": 13 of 14 files of the split {split!r} are missing: {names} and 3 more.")


def test_missing_masks_are_named(tmp_path: Path) -> None:
    sources = draw_sources(tmp_path / "drawn", n=3, n_classes=5)
    settings = config(5, arrange("cocostuff164k", tmp_path / "root", sources, sources))
    (tmp_path / "root/annotations/val2017" / f"{sources[1].id}.png").unlink()
    with pytest.raises(DatasetError, match=rf"annotations/val2017: 1 of 3 files .* missing: {sources[1].id}\.png\.$"):
        open_split(settings, "val2017")
