import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from deeplab.errors import ImageError
from deeplab.images.bands import Reading
from deeplab.images.masks import write_mask
from deeplab.images.raster import LoadedRaster
from web.results.viewer.image_files import ImageFiles
from web.results.viewer.layers import Layer, find_layer
from web.results.viewer.pyramids import VALUES
from web.results.viewer.tile_cache import load_tile
from worker.jobs import storage
from worker.jobs.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path / "home")


def labels_of(path: Path) -> Layer:
    """The layer of a mask."""
    layer = find_layer(ImageFiles(None, Reading(), labels=path, confidence=path / "none"), "labels")
    assert layer is not None
    return layer


def kept(settings: Settings) -> set[str]:
    return {path.stem for path in storage.tiles_dir(settings).glob("*/*.zip")}


def test_a_layer_is_decoded_once(settings: Settings, tmp_path: Path) -> None:
    opened = []

    def read() -> LoadedRaster:
        opened.append(time.monotonic())
        return LoadedRaster(np.zeros((600, 600), np.uint8))

    path = tmp_path / "a.png"
    write_mask(path, np.zeros((600, 600), np.uint8))
    layer = Layer("labels", VALUES, (path,), "", (600, 600), read)
    places = [(0, 0, 0), (0, 1, 1), (1, 0, 0), (0, 0, 1)]
    threads = [threading.Thread(target=load_tile, args=(settings, layer, *place)) for place in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1
    assert load_tile(settings, layer, 2, 0, 0) is None


def test_a_file_that_changed_has_other_tiles(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_mask(path, np.zeros((4, 4), np.uint8))
    first = load_tile(settings, labels_of(path), 0, 0, 0)
    write_mask(path, np.ones((4, 4), np.uint8))
    os.utime(path, (1, 1))
    assert load_tile(settings, labels_of(path), 0, 0, 0) != first
    assert len(kept(settings)) == 2
    path.unlink()
    assert find_layer(ImageFiles(None, Reading(), labels=path, confidence=path), "labels") is None


def test_what_cannot_be_decoded_leaves_nothing_behind(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_mask(path, np.random.default_rng(0).integers(0, 200, (60, 60), np.uint8))
    path.write_bytes(path.read_bytes()[:3000])
    layer = labels_of(path)
    for _ in range(2):
        with pytest.raises(ImageError, match=r"a\.png: "):
            load_tile(settings, layer, 0, 0, 0)
    assert kept(settings) == set()
    assert not list(storage.tiles_dir(settings).glob("*/*.tmp"))


def test_a_home_does_not_outgrow_its_limit(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home", tile_cache_mb=1)
    for number in range(6):
        path = tmp_path / f"{number}.png"
        write_mask(path, np.random.default_rng(number).integers(0, 256, (520, 520), np.uint8))
        load_tile(settings, labels_of(path), 0, 0, 0)
        for each in storage.tiles_dir(settings).glob("*/*.zip"):
            os.utime(each, (number, number))
    total = sum(path.stat().st_size for path in storage.tiles_dir(settings).glob("*/*.zip"))
    assert total <= 1_000_000
